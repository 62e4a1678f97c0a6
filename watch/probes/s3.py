"""S3: age and size of an object, or number, age and size of the objects under a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.http.journey import target
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.http.s3 import Bucket, Object


@probe("s3", main="url")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Probe(Reached, Described):
    """Look into a bucket of an S3-compatible object store: at one object, or at all under a prefix.

    Only HEAD and LIST requests are sent, so a key that may list the bucket is enough. A list comes in pages of
    a thousand objects; when there are more than `pages` of them, `complete` is false and the facts cover only
    those read. Tested against moto, which imitates S3; never run against Amazon's or another vendor's store.

    Options:
        url: The URL of the bucket, https://s3.example.org/bucket or https://bucket.s3.example.org/.
        key: The name of a single object.
        prefix: Without `key`: look at all objects whose names begin with it; empty for the whole bucket.
        pages: How many thousands of objects to look at, 1 to 100.
        access_key: The access key to sign with, together with `secret_key`; without them requests are
            anonymous.
        secret_key: The secret key.
        session_token: For temporary credentials.
        region: The store's region, which is part of the signature.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        verify: Whether the server must prove its name; false accepts any certificate.

    Facts:
        latency (duration, slow): From the start of name lookup to the last byte, of all pages.
        age (duration, stale): How long ago the object, or the newest one, was written.
        modified (instant, stale): When that was.
        newest (text): The name of the newest object; without `key`.
        newest.size (bytes): Its size; without `key`.
        size (bytes): The size of the object, or the total size.
        count (count, missing): How many objects there are.
        oldest (duration): How long ago the oldest object was written; without `key`.
        complete (bool): Whether all of them were looked at; without `key`.
        address (text): Who answered, ip:port.

    Reasons:
        ok, stale, missing, auth, status, slow, certificate, tls, dns, refused, reset, unreachable, timeout,
        protocol, limit

    Example:
        s3:
          url: https://s3.example.org/backups
          prefix: daily/
          access_key: AKIAIOSFODNN7EXAMPLE
          secret_key: ${env:S3_SECRET}
        expect: [age < 26h, count >= 90]
        warn: [newest.size > 1GiB]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS
    ASSUMED: ClassVar[Mapping[str, str]] = {"count": "count > 0"}

    url: str
    key: str | None = None
    prefix: str = ""
    pages: int = 10
    access_key: str | None = None
    secret_key: Secret | None = None
    session_token: Secret | None = None
    region: str = "us-east-1"
    ca_file: Path | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        target(self.url)
        parts = urlsplit(self.url)
        if parts.query or parts.fragment or parts.username:
            raise ValueError("url: write only the bucket's URL; name an object by key, and objects by prefix")
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key: signing needs both access_key and secret_key")
        if self.session_token is not None and self.secret_key is None:
            raise ValueError("session_token: also needs access_key and secret_key")
        if self.key is not None and (not self.key or self.prefix):
            raise ValueError("key: give either key or prefix, not both")
        if not 1 <= self.pages <= 100:
            raise ValueError("pages: from 1 to 100")
        for option, text in (("region", self.region), ("access_key", self.access_key or "x")):
            if not text or not all(char.isascii() and (char.isalnum() or char in "-_.") for char in text):
                raise ValueError(f"{option}: {text!r} is not valid; it has letters, digits and hyphens")

    def peer(self) -> str:
        return target(self.url).host

    async def run(self, *, now: datetime) -> Reading:
        from watch.probes.wire.http.s3 import Bucket, Store  # noqa: PLC0415 - brings libcurl, when a check needs it
        from watch.probes.wire.http.sigv4 import Key  # noqa: PLC0415 - as above

        signer = None
        if self.access_key is not None and self.secret_key is not None:
            signer = Key(self.access_key, self.secret_key, self.session_token, self.region)
        store = Store(self.url, signer, self.ca_file, self.verify, self.family, self.metadata)
        bucket = Bucket(store, now)
        if self.key is None:
            facts = await self._all(bucket, now.timestamp())
        else:
            modified, size = await bucket.head(self.key)
            facts = {"count": 1}
            facts |= {} if size is None else {"size": size}
            facts |= {} if modified is None else {"age": now.timestamp() - modified, "modified": modified}
        facts |= {"latency": sum(bucket.phases.values()), "address": bucket.where}
        return Reading(Verdict.UP, facts=facts, phases=bucket.phases)

    async def _all(self, bucket: Bucket, now: float) -> dict[str, FactValue]:
        newest: Object | None = None
        count, size, oldest, token = 0, 0, float("inf"), None
        for _ in range(self.pages):
            some, token = await bucket.page(self.prefix, token)
            count, size = count + len(some), size + sum(one.size for one in some)
            if some:
                newest, oldest = max((newest or some[0], *some)), min(oldest, min(some).modified)
            if token is None:
                break
        facts: dict[str, FactValue] = {"count": count, "size": size, "complete": token is None}
        if newest is not None:
            facts |= {"age": now - newest.modified, "modified": newest.modified, "oldest": now - oldest}
            facts |= {"newest": one_line(newest.name), "newest.size": newest.size}
        return facts
