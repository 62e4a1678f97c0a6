"""Requests to an HTTP API that answers in JSON.

Each request is made as the kind http makes it, on a new connection. The phases are added up. An answer that is
not JSON is a failure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - options' types are read from probes' annotations
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from watch.core.reading import ProbeFailure, Reason
from watch.core.settings import Secret
from watch.core.wording import visible
from watch.probes.wire.http.journey import target
from watch.probes.wire.http.request import HttpRequest, authorization
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Api(Reached):
    """The options of every kind that asks an API.

    Options:
        certificate: A PEM file with the client's certificate.
        key: A PEM file with its key, when it is not in the same file.
        key_password: The passphrase of the key, if it has one.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        verify: Whether the server must prove its name; false accepts any certificate.
    """

    __slots__ = ()
    url: str
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None
    ca_file: Path | None = None
    verify: bool = True

    def peer(self) -> str:
        return target(self.url).host

    def check_url(self) -> None:
        """Raise ValueError for a `url` that is more than the root of an API, or a key without its certificate."""
        target(self.url)
        parts = urlsplit(self.url)
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError(
                "url: write only scheme, host, port and path; credentials are options of their own"
            )
        if self.key_password is not None and self.certificate is None:
            raise ValueError("key_password: needs the key's certificate; name the certificate, too")
        if self.key is not None and self.certificate is None:
            raise ValueError("key: needs its certificate; name the certificate, too")


class Conversation:
    """The requests of one run, and their total time. `address`: who answered the last one."""

    def __init__(self, check: Api) -> None:
        self._check = check
        self._spent: Counter[str] = Counter()
        self.address = ""

    @property
    def phases(self) -> dict[str, float]:
        return dict(self._spent)

    async def ask(
        self,
        path: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        username: str | None = None,
        password: Secret | None = None,
    ) -> tuple[int, Any]:
        """Return the status and the JSON at *path*; with a *body* the request is a POST.

        Raises:
            ProbeFailure: It refuses our credentials, or does not answer in JSON.
        """
        from watch.probes.wire.http.pursuit import pursue  # noqa: PLC0415 - brings libcurl, when a check needs it

        it, phases = self._check, dict[str, float]()
        request = HttpRequest(
            url=it.url.rstrip("/") + path,
            method="GET" if body is None else "POST",
            body=None if body is None else Secret(body),
            headers={"Accept": "application/json", **(headers or {})},
            authorization=authorization(username, password),
            certificate=it.certificate,
            key=it.key,
            key_password=it.key_password,
            ca_file=it.ca_file,
            verify=it.verify,
            family=it.family,
            metadata=it.metadata,
            follow=False,
        )
        answer, _, self.address = await pursue(request, phases)
        self._spent.update(phases)
        if answer.status in (401, 403):
            raise self.failed(Reason.AUTH, f"refuses our credentials, or wants some ({answer.status})")
        return answer.status, self._read(answer.status, answer.body)

    def failed(self, reason: Reason, words: str) -> ProbeFailure:
        return ProbeFailure(reason, f"{self.address} {words}", phases=self.phases)

    def _read(self, status: int, body: bytes) -> Any:
        import orjson  # noqa: PLC0415 - as above

        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            said = visible(bytes(body[:200]).decode("utf-8", "replace"), 60)
            if status >= 400:
                raise self.failed(Reason.STATUS, f"answers {status}: {said}") from error
            raise self.failed(Reason.PROTOCOL, f"does not answer in JSON: {said}") from error


def count(value: object) -> int | float | None:
    """Return *value* as a number, also when it is a number as text (64 bits); None when it is not one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 21:
        return int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def counts(told: Mapping[str, object], names: Mapping[str, str]) -> dict[str, int | float]:
    """Return those numbers in *told* that exist, under our names."""
    found = {ours: count(told.get(theirs)) for ours, theirs in names.items()}
    return {ours: value for ours, value in found.items() if value is not None}
