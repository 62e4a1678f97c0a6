"""Renders a page: every path of the site and its bytes.

Pure, except that it reads its own templates and assets once. The same `Page` gives the same bytes, so an ETag
changes only when the page changes. It works under a strict CSP: nothing inline; the paths of styles and script
contain a hash of their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from statuspage import api, bars, clock_text, figures, table, words
from statuspage.document import MISSING, Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from statuspage.page import Component, Page, Status

_HERE = Path(__file__).parent
_HTML = "text/html; charset=utf-8"
_DETAILED = 100  # components; with more, each one's days are told on its own page only
_ASSETS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


class Site(Mapping[str, Document]):
    """All of a page's site: path (not percent-encoded) → document.

    A component's own page is rendered when it is first asked for: a thousand of them take seconds and forty megabytes,
    and hardly one is read before the next page replaces it.
    """

    def __init__(self, ready: Mapping[str, Document], lazy: Mapping[str, Callable[[], Document]]) -> None:
        self._ready, self._lazy = dict(ready), lazy

    def __getitem__(self, path: str) -> Document:
        found = self._ready.get(path)
        if found is None:
            found = self._ready[path] = self._lazy[path]()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter({**self._lazy, **self._ready})

    def __len__(self) -> int:
        return len(self._lazy.keys() | self._ready.keys())

    def __contains__(self, path: object) -> bool:
        return path in self._ready or path in self._lazy


def rendered(page: Page) -> Site:
    """The site of *page*."""
    shared = _context(page)
    ready = {
        "/": _html("index.html", shared, here="/"),
        "/favicon.svg": Document(_text("favicon.svg", {"status": page.status}), "image/svg+xml"),
        "/robots.txt": Document(b"User-agent: *\nAllow: /\n", "text/plain; charset=utf-8"),
        MISSING: _html("missing.html", shared, here=MISSING, status=404),
    }
    lazy = {f"/components/{c.key}": partial(_component, shared, c) for c in page.components}
    return Site({**ready, **_assets(), **api.documents(page)}, lazy)


def _component(shared: Mapping[str, Any], component: Component) -> Document:
    context = {**shared, **_history(shared, component)}
    return _html("component.html", context, here=f"/components/{component.key}")


def _html(template: str, context: Mapping[str, Any], *, here: str, status: int = 200) -> Document:
    return Document(_text(template, {**context, "here": here}), _HTML, status=status)


def _text(template: str, context: Mapping[str, Any]) -> bytes:
    return _environment().get_template(template).render(context).encode()


def _context(page: Page) -> dict[str, Any]:
    head = words.headline(page)
    names = {c.key: c.name for c in page.components}
    return {
        "page": page,
        "head": head,
        "summary": " ".join([f"{head.text}.", *head.also]),
        "clock": clock_text.ClockText(ZoneInfo(page.zone), page.as_of_ms),
        "drawings": {c.key: bars.drawing(c.days) for c in page.components},
        "names": names,
        "ongoing": [i for i in page.ongoing if i.component in names],
        "ended": [i for i in page.ended if i.component in names],
        "detailed": len(names) <= _DETAILED,
        "legend_rows": bars.LEGEND,
        "css": _asset("css")[0],
        "js": _asset("js")[0],
    }


def _history(shared: Mapping[str, Any], component: Component) -> dict[str, Any]:
    """The part of the context that only the page of one component has."""
    page: Page = shared["page"]
    key = component.key
    drawn: bars.Drawing = shared["drawings"][key]
    return {
        "component": component,
        "summary": f"{words.sentence(component)}. {drawn.label}",
        "trouble": [i for i in (*shared["ongoing"], *shared["ended"]) if i.component == key],
        "works": [m for m in (*page.active_maintenance, *page.upcoming_maintenance) if key in m.components],
    }


@cache
def _asset(suffix: str) -> tuple[str, bytes]:
    body = (_HERE / "assets" / f"page.{suffix}").read_bytes()
    return f"/assets/{hashlib.sha256(body).hexdigest()[:16]}.{suffix}", body


def _assets() -> dict[str, Document]:
    found = ((*_asset(suffix), kind) for suffix, kind in _ASSETS.items())
    return {path: Document(body, kind, immutable=True) for path, body, kind in found}


@cache
def _environment() -> Environment:
    """The template environment, made once; an undefined name in a template is an error."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        percent=figures.percent,
        duration=figures.duration,
        roughly=figures.roughly,
        events=table.events,
        history=table.history,
        label=_label,
        tone=_tone,
        sentence=words.sentence,
        until=words.until,
        link=words.link,
        linktext=words.linktext,
        named=_named,
        path=_path,
    )
    return environment


def _label(status: Status) -> str:
    return words.LABELS[status]


def _tone(status: Status) -> str:
    return words.TONES[status]


def _named(keys: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [names[key] for key in keys if key in names]


def _path(key: str) -> str:
    return quote(key, safe="")
