"""Requests to an object store: for one object, and for all objects with a prefix.

A list is XML. It is searched, not parsed, for the four elements that matter: names in it are escaped, so none
of them can be mistaken for markup, and there are no entities to expand.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import unescape

import pycurl

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.http import sigv4
from watch.probes.wire.http.exchange import ask
from watch.probes.wire.http.headers import Headers
from watch.probes.wire.http.journey import target
from watch.probes.wire.http.options import departure
from watch.probes.wire.http.transfer import Answer, Transfer
from watch.probes.wire.net.address import literal, written
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watch.core.reading import FactValue

_ROOM = 2 << 20  # bytes; a page of a thousand long names has 1.5 million
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_LISTED = re.compile(rb"<ListBucketResult[ >]")
_OBJECT = re.compile(rb"<Contents>(.*?)</Contents>", re.DOTALL)
_NAME = re.compile(rb"<Key>([^<]{1,6144})</Key>")  # 1024 bytes, each of which may be written as an entity
_MODIFIED = re.compile(rb"<LastModified>\s*([0-9T:.Z+-]{10,40})\s*</LastModified>")
_SIZE = re.compile(rb"<Size>\s*(\d{1,14})\s*</Size>")  # a hundred terabytes; the sum of 100,000 still fits
_MORE = re.compile(rb"<IsTruncated>\s*true\s*</IsTruncated>", re.IGNORECASE)
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]{1,4096})</NextContinuationToken>")


class Store(NamedTuple):
    """The bucket, and how to reach it.

    Args:
        url: The bucket's URL.
        key: To sign with; None for anonymous requests.
    """

    url: str
    key: sigv4.Key | None
    ca_file: Path | None
    verify: bool
    family: str
    metadata: bool


class Object(NamedTuple):
    """An object in a list. Objects sort by time."""

    modified: float
    name: str
    size: int


class Listed(NamedTuple):
    """A page of objects, and the token of the next page."""

    objects: list[Object]
    token: str | None


class Bucket:
    """A bucket, and the time that its requests took."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store, self._now = store, now
        self._there = target(store.url)
        self._ip = ""
        self.phases: dict[str, float] = {}
        self.facts: dict[str, FactValue] = {}

    @property
    def where(self) -> str:
        return written(self._ip, self._there.port)

    async def head(self, name: str) -> tuple[float | None, int | None]:
        """Return when the object *name* was written, and its size."""
        answer = await self._asked("HEAD", name, {})
        said = Headers(answer.lines)
        length = said.get("content-length", "")
        try:
            modified = parsedate_to_datetime(said.get("last-modified", "")).timestamp()
        except (TypeError, ValueError):
            modified = None
        return modified, int(length) if re.fullmatch(r"\d{1,18}", length) else None

    async def page(self, prefix: str, token: str | None) -> Listed:
        """Return up to a thousand objects whose names begin with *prefix*."""
        fields = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
        answer = await self._asked("GET", "", fields)
        if answer.cut:
            raise self._failed(Reason.LIMIT, f"sends a list of more than {_ROOM} bytes at once")
        if not _LISTED.search(answer.body[:1024]):
            raise self._failed(Reason.PROTOCOL, "does not answer with a list of objects")
        objects = [self._object(each) for each in _OBJECT.findall(answer.body)]
        following = _TOKEN.search(answer.body) if _MORE.search(answer.body) else None
        return Listed(objects, _text(following[1]) if following else None)

    def _object(self, told: bytes) -> Object:
        name, modified, size = _NAME.search(told), _MODIFIED.search(told), _SIZE.search(told)
        instant = _instant(modified[1]) if modified else None
        if instant is None or size is None:
            raise self._failed(Reason.PROTOCOL, "lists objects without a time or a size")
        return Object(instant, _text(name[1]) if name else "", int(size[1]))

    async def _asked(self, method: str, name: str, fields: Mapping[str, str]) -> Answer:
        scheme, host, port = self._there
        if not self._ip:
            its = self._store
            self._ip = await located(host, family=its.family, metadata=its.metadata, phases=self.phases)
        base = unquote(urlsplit(self._store.url).path).rstrip("/")
        where = sigv4.path(f"{base}/{name}" if name else base or "/")
        query, own = sigv4.query(fields), {"http": 80, "https": 443}[scheme]
        wide = f"[{host}]" if ":" in host else host
        netloc = wide if port == own else f"{wide}:{port}"
        url = f"{scheme}://{netloc}{where}" + (f"?{query}" if query else "")
        signed = self._store.key and sigv4.headers(
            self._store.key, method, netloc, where, query, self._now.astimezone(UTC)
        )
        dial = None if literal(host, "any") == self._ip else f"::{self.where}"
        answer = await ask(Transfer(url, self.where, dial, _ROOM, self._options(method, signed or {})))
        for phase, took in zip(("connect", "tls", "first_byte", "transfer"), answer.took, strict=True):
            self.phases[phase] = self.phases.get(phase, 0.0) + took
        self._accept(answer, name)
        return answer

    def _options(self, method: str, signed: Mapping[str, str]) -> tuple[tuple[int, Any], ...]:
        options: list[tuple[int, Any]] = [
            (pycurl.PATH_AS_IS, 1)
        ]  # a name may contain ".." and is signed as it is
        options += [(pycurl.NOBODY, 1)] if method == "HEAD" else []
        options += [(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in signed.items()])]
        options += [(pycurl.CAINFO, str(self._store.ca_file))] if self._store.ca_file else []
        if not self._store.verify:
            options += [(pycurl.SSL_VERIFYPEER, 0), (pycurl.SSL_VERIFYHOST, 0)]
        return (*options, *departure())

    def _accept(self, answer: Answer, name: str) -> None:
        """Raise unless the request succeeded."""
        if answer.status == 200:
            return
        found = _CODE.search(answer.body)
        code = found[1].decode() if found else ""
        if code == "RequestTimeTooSkewed":
            raise OurFault(f"our clock and that of {self.where} differ too much for a signature")
        told = f"{answer.status} {code}".strip()
        if answer.status == 404:
            what = f"the object {visible(name)}" if name else "this bucket"
            raise self._failed(Reason.MISSING, f"does not have {what} ({told})")
        if answer.status in (401, 403):
            raise self._failed(Reason.AUTH, f"denies us access ({told})")
        if answer.status in (301, 307, 308):
            raise self._failed(
                Reason.STATUS,
                f"redirects to another address; perhaps the bucket is in another region ({told})",
            )
        raise self._failed(Reason.STATUS, f"answers {told}")

    def _failed(self, reason: Reason, words: str) -> ProbeFailure:
        return ProbeFailure(reason, f"{self.where} {words}", phases=self.phases)


def _text(told: bytes) -> str:
    return unescape(told.decode("utf-8", "replace"))


def _instant(text: bytes) -> float | None:
    try:
        return datetime.fromisoformat(text.decode()).timestamp()
    except (ValueError, OverflowError):
        return None
