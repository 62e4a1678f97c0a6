"""The site's documents: whole, well-formed, escaped, and the same for the same page."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from statuspage.document import MISSING
from statuspage.page import Group, Status
from statuspage.render import rendered
from tests.statuspage.samples import MIN, NOW_MS, STATES, component, page, trouble, work

VOID = {"meta", "link", "br", "hr", "img", "input"}
ONCE = {"html", "head", "body", "main", "title", "h1"}
XSS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & \x00 \u202e",
    "]]><!--",
)


class Strict(HTMLParser):
    """Fails on what a browser would silently mend, and on what our CSP would refuse."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.hrefs, self.count, self.text = [], [], [], {}, []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        assert not [name for name in names if name == "style" or name.startswith("on")], (tag, names)
        assert tag != "style"
        assert tag != "p" or "p" not in self.open
        facts = dict(attrs)
        assert tag != "script" or facts.get("src", "").startswith("/assets/")
        self.ids += [facts["id"]] if "id" in facts else []
        self.hrefs += [facts[name] for name in ("href", "src") if name in facts]
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert {"svg", "defs", "symbol"} & set(self.open), f"<{tag}/> outside SVG"
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def html(site):
    return {path: d.body.decode() for path, d in site.items() if d.content_type.startswith("text/html")}


@pytest.mark.parametrize("state", STATES)
def test_every_page_is_well_formed_and_needs_nothing_inline(state):
    site = rendered(STATES[state]())
    for path, text in html(site).items():
        parsed = Strict(text)
        assert text.startswith('<!doctype html>\n<html lang="en">'), path
        assert len(parsed.ids) == len(set(parsed.ids)), path
        assert all(parsed.count[tag] == 1 for tag in ONCE - {"title"}), path


@pytest.mark.parametrize("state", STATES)
def test_every_link_inside_leads_somewhere_and_none_leads_elsewhere(state):
    of = STATES[state]()
    site = rendered(of)
    own = {"mailto:" + of.support, of.terms, of.privacy, of.service_url}
    for text in html(site).values():
        parsed = Strict(text)
        for href in parsed.hrefs:
            if href.startswith("#"):
                assert href[1:] in parsed.ids
            else:
                assert href in own or href in site, href


def test_the_site_has_the_paths_of_the_contract():
    site = rendered(STATES["fine"]())
    fixed = {path for path in site if not path.startswith("/assets/")}
    assert fixed == {
        "/", "/favicon.svg", "/robots.txt", MISSING,
        "/components/web", "/components/api", "/components/mail", "/components/database", "/components/storage",
        "/api/v2/summary.json", "/api/v2/status.json", "/api/v2/components.json",
    }  # fmt: skip
    assert {d.status for path, d in site.items() if path != MISSING} == {200}
    assert site[MISSING].status == 404
    assert all(site[path].shared == path.startswith("/api/") for path in site)
    assert all(site[path].immutable == path.startswith("/assets/") for path in site)


def test_assets_are_named_after_their_content():
    assets = [path for path in rendered(STATES["fine"]()) if path.startswith("/assets/")]
    assert sorted(path.rpartition(".")[2] for path in assets) == ["css", "js"]
    assert all(re.fullmatch(r"/assets/[0-9a-f]{16}\.(css|js)", path) for path in assets)


@pytest.mark.parametrize("state", STATES)
def test_the_same_page_gives_the_same_bytes(state):
    assert rendered(STATES[state]()) == rendered(STATES[state]())


@pytest.mark.parametrize("hostile", XSS)
def test_hostile_text_stays_text(hostile):
    part = component("web", hostile, Status.MAJOR, description=hostile, since_ms=NOW_MS - MIN)
    of = page(
        (Group(name=hostile, components=(part, component("b", "B"))),),
        service=hostile,
        title=hostile,
        support=hostile,
        terms=hostile,
        privacy=hostile,
        service_url=hostile,
        maintenance=(work("x", hostile, ("web",), NOW_MS - MIN, 1),),
        incidents=(trouble("web", Status.MAJOR, MIN, why=hostile),),
    )
    plain = page(
        (Group(name="n", components=(replace(part, name="n", description="n"), component("b", "B"))),),
        service="n",
        title="n",
        support="n",
        terms="n",
        privacy="n",
        service_url="n",
        maintenance=(work("x", "n", ("web",), NOW_MS - MIN, 1),),
        incidents=(trouble("web", Status.MAJOR, MIN, why="n"),),
    )
    tame = html(rendered(plain))
    for path, text in html(rendered(of)).items():
        parsed = Strict(text)
        assert parsed.count == Strict(tame[path]).count, path
        assert not [href for href in parsed.hrefs if "alert" in href]


def test_a_key_with_odd_characters_is_linked_percent_encoded():
    site = rendered(page((Group(name=None, components=(component("a b/ü?", "Odd"),)),)))
    assert "/components/a b/ü?" in site
    assert 'href="/components/a%20b%2F%C3%BC%3F"' in site["/"].body.decode()


def test_the_figure_stands_with_its_period_zone_and_excluded_time():
    text = " ".join("".join(Strict(rendered(STATES["fine"]())["/"].body.decode()).text).split())
    assert (
        "99.936 % uptime 1–23 November 2026, America/Los_Angeles; down 51 min 7 s; 3 h of planned maintenance not counted"
    ) in text


def test_missing_data_is_told_with_its_beginning():
    text = " ".join("".join(Strict(rendered(STATES["major"]())["/"].body.decode()).text).split())
    assert "No data since 09:43 PST (17:43 UTC)." in text


def test_the_age_of_the_data_is_on_every_page():
    for path, text in html(rendered(STATES["fine"]())).items():
        told = '<time datetime="2026-11-23T17:46:12.000Z">Monday 23 November 2026' in text
        assert told == (path != MISSING)


def test_fifty_components_cost_paths_not_rectangles():
    many = tuple(component(f"c{i}", f"Component {i}") for i in range(50))
    index = rendered(page((Group(name=None, components=many),)))["/"].body.decode()
    assert index.count("<rect") < 10
    assert index.count('class="b-ok"') == 51  # one each, and the legend's


def test_the_icon_has_the_shape_of_the_state():
    icons = {
        rendered(STATES[state]())["/favicon.svg"].body for state in ("fine", "partial", "major", "blind")
    }
    assert len(icons) == 4
