"""Options that many kinds have. A kind inherits them, and their lines in its reference page, with a class.

If an option means something narrower for a kind, the kind writes its own line or field. The classes have no
slots, because Python allows only one base class with slots; the kind has a slot for each field.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - options' types are read from probes' annotations
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from watch.probes.wire.net.address import check_host
from watch.probes.wire.net.line import Place, place

if TYPE_CHECKING:
    import ssl

    from watch.probes.wire.net.line import Line


@dataclass(frozen=True, kw_only=True)
class Family:
    """The address family.

    Options:
        family: any, or only IPv4 (4) or IPv6 (6).
    """

    __slots__ = ()
    family: Literal["any", "4", "6"] = "any"


@dataclass(frozen=True, kw_only=True)
class Reached(Family):
    """The address family, and whether metadata addresses may be asked.

    Options:
        family: any, or only IPv4 (4) or IPv6 (6).
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.
    """

    __slots__ = ()
    metadata: bool = False


def check_address(address: str, port: int | None) -> None:
    """Raise ValueError, for the option `address`, unless *address* can be read."""
    try:
        place(address, port)
    except ValueError as error:
        raise ValueError(f"address: {error}") from None


def check_name(option: str, text: str | None) -> None:
    """Raise ValueError, for *option*, unless *text* can be a host; None is accepted."""
    if text is None:
        return
    try:
        check_host(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """A server at `address`. `PORT` is its default port; None: the address must have a port."""

    __slots__ = ()
    PORT: ClassVar[int | None] = None
    address: str

    @property
    def port(self) -> int | None:
        return self.PORT

    @property
    def there(self) -> Place:
        return place(self.address, self.port)

    def peer(self) -> str:
        return self.there.host

    def check_address(self) -> None:
        """Raise ValueError unless `address`, and `server_name` where there is one, can be read."""
        check_address(self.address, self.port)
        check_name("server_name", getattr(self, "server_name", None))


@dataclass(frozen=True, kw_only=True)
class Trusting:
    """Which certificate is accepted.

    Options:
        verify: Whether the server must prove its name; false accepts any certificate.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        server_name: The name the certificate must carry, if not the address's.
    """

    __slots__ = ()
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class OverTls(Trusting):
    """Whether to use TLS, and which certificate is accepted.

    Options:
        tls: Use TLS.
        verify: With tls: whether the server must prove its name.
        ca_file: With tls: trust the authorities in this PEM file instead of the system's.
        server_name: With tls: the name the certificate must carry, if not the address's.
    """

    __slots__ = ()
    tls: bool = False


class Trust(Protocol):
    """What `secure` needs: the options of `Trusting`."""

    @property
    def verify(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def server_name(self) -> str | None: ...


async def secure(line: Line, trust: Trust, host: str) -> ssl.SSLObject:
    """Start TLS on *line*; the certificate must carry `server_name`, or else the name of *host*."""
    from watch.probes.wire.net.trust import believing, verifying  # noqa: PLC0415 - costs 17 ms, when a check needs it

    context = verifying(trust.ca_file) if trust.verify else believing()
    return await line.secure(context, trust.server_name or host)
