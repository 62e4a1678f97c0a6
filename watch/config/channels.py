"""The channels of people: whether apprise can send to a URL, decided when the file is read.

A scheme that apprise does not know is a mistake, whether secrets are read or not. What only the whole URL shows (a part
that is missing, a token of another form) is a warning that has no effect, as the other channels still work.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from watch.config.channel_schemes import INSTEAD, SCHEMES
from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, nothing
from watch.config.shape import Schema, kind_of
from watch.core.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.config.mapping import Fields

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://\S+")
_WEB = ("http", "https")  # apprise knows the web addresses of some services
_STAND_IN = "json://placeholder"
_CHILD = Path(__file__).with_name("apprise_child.py")
_PATIENCE = 20  # seconds for apprise to load
_POSTS = "`json://HOST/PATH` posts JSON to a web address, and `jsons://` does so over TLS"


@dataclass(frozen=True, slots=True)
class ChannelShape:
    """An apprise URL; its scheme is looked up, and nothing of it but the scheme is ever shown."""

    what: str = "an apprise URL like ntfy://topic or mailto://…"

    def read(self, node: Node, findings: Findings) -> Secret | None:
        findings.hide(node)
        if not isinstance(node, Scalar) or nothing(node):
            wrong = "the value is missing" if nothing(node) else f"{kind_of(node)} is not allowed here"
            findings.mistake(node, wrong, f"write {self.what}")
            return None
        found = _URL.fullmatch(node.text)
        if found is None and node.placeholder:
            return Secret(_STAND_IN)
        if found is None:
            self._refuse(node, findings)
            return None
        scheme = found[1].lower()
        if scheme in SCHEMES or scheme in _WEB or scheme in newer_schemes():
            return Secret(node.text)
        if node.placeholder and not _stands_in_the_file(node):
            return Secret(_STAND_IN)
        unknown_scheme(node, scheme, findings)
        return None

    def _refuse(self, node: Scalar, findings: Findings) -> None:
        source = f"the value of `{node.origin}`" if node.origin else "this"
        cure = "the value is not shown, because it may be secret"
        if re.fullmatch(r"[^\s@:/]+@[^\s@:/]+", node.text):
            cure = "a mail address alone does not say by which server: write `mailto://USER:PASSWORD@SERVER?to=ADDRESS`"
        elif node.text.startswith("+") or re.fullmatch(r"[0-9 -]{6,}", node.text):
            cure = "a telephone number alone does not say by which service: write a URL like `twilio://…`"
        findings.mistake(node, f"{source} is not {self.what}", cure)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*://"}


CHANNEL = ChannelShape()


def unknown_scheme(node: Scalar, scheme: str, findings: Findings) -> None:
    """Record that apprise does not know *scheme*. It is named only if it stands in the file itself."""
    if not _stands_in_the_file(node):
        wrong = f"the value of `{node.origin}` begins with a scheme that apprise does not know"
        findings.mistake(node, wrong, f"correct the value; {_POSTS}")
        return
    near = quoted(f"{INSTEAD[scheme]}://") if scheme in INSTEAD else ""
    close = suggestion(scheme, SCHEMES | newer_schemes()).removesuffix("`?")
    cure = (
        f"write {near}"
        if near
        else f"{close}://`?"
        if close
        else f"apprise's documentation lists all; {_POSTS}"
    )
    findings.mistake(node, f"apprise knows no service with the scheme {quoted(scheme)}", cure)


def _stands_in_the_file(node: Scalar) -> bool:
    """Whether the scheme is written in the file, and does not come from a reference."""
    if not node.origin:
        return True
    written = node.source.line(node.line)[node.column :]
    return re.match(r"[\"']?[A-Za-z][A-Za-z0-9+.-]{0,30}://", written) is not None


def examine(people: Iterable[tuple[str, Fields]], findings: Findings) -> None:
    """Ask apprise about each whole URL of *people*: what it does not accept is a warning, and noted in *findings*.

    A URL with a placeholder in it is not judged. Without an answer of apprise, none is.
    """
    asked = [
        (name, n, channel, node)
        for name, fields in people
        for n, (channel, node) in enumerate(fields["channels"] or (), 1)
        if isinstance(node, Scalar) and not node.placeholder
    ]
    if not asked:
        return
    answer = _apprise([channel.reveal() for _, _, channel, _ in asked])
    for (name, n, channel, node), accepted in zip(asked, answer.accepted, strict=False):
        if accepted:
            continue
        scheme = channel.reveal().partition("://")[0].lower()
        if scheme in _WEB:
            wrong = "apprise knows no service with this web address"
            findings.mistake(node, wrong, f"write the URL of a service; {_POSTS}")
            continue
        findings.unusable.append((name, n))
        cure = f"correct the parts after `{scheme}://`; apprise's documentation of that service lists them"
        findings.caution(node, refused(name, n), cure, ineffective=True)


def refused(person: str, number: int) -> str:
    """What is wrong with a channel whose URL apprise does not accept."""
    return f"channel {number} of {person} cannot be used: apprise does not accept its URL"


@dataclass(frozen=True, slots=True)
class _Answer:
    accepted: tuple[bool, ...] = ()
    schemes: frozenset[str] = frozenset()


@cache
def newer_schemes() -> frozenset[str]:
    """The schemes of the apprise that is installed."""
    return _apprise(()).schemes


def _apprise(urls: Sequence[str]) -> _Answer:
    """What apprise says; nothing when it does not answer. The URLs go through a pipe: nobody else sees them."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-P", str(_CHILD)],
            input=json.dumps(list(urls)), text=True, check=True, timeout=_PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        said = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return _Answer()
    return _Answer(tuple(said["accepted"]), frozenset(said["schemes"]))
