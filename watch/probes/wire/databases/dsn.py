"""A DSN: address and login of PostgreSQL in one text, in the formats of libpq.

Two forms: ``postgresql://user:password@host:port/database?name=value`` and ``host=… port=… user=…``. Any other
text is a host, or host:port. The whole text is secret, because a typing error may put the password anywhere in
it. So no error shows any of it but the name of a parameter, and that only if it cannot be part of an unquoted
password.

Parameters that do not change the answer are ignored. Those that we cannot obey (several hosts, a Unix socket, a
service file) are refused: a check that asks another server than the operator meant would be worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from watch.core.settings import Secret
from watch.probes.wire.net.line import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PORT = 5432
_LONGEST = 4096
_URI = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/]*)(?P<password>:[^@/]*)?@)?"  # up to the first @, as libpq reads it
    r"(?P<host>\[[^\]]*\]|[^:/?\[\]]*)(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_WORD = re.compile(
    r"\s*(?P<name>[^\s=]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?=\s|$)|(?P<plain>(?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|))",
    re.DOTALL,
)
_USED = frozenset({"host", "hostaddr", "port", "dbname", "user", "password", "sslmode", "sslrootcert"})
_IGNORED = """
connect_timeout application_name fallback_application_name client_encoding keepalives keepalives_idle
keepalives_interval keepalives_count tcp_user_timeout
"""
_OTHERS = """
service servicefile passfile options replication target_session_attrs load_balance_hosts channel_binding
require_auth requirepeer sslcert sslkey sslpassword sslcrl sslcrldir sslsni sslcompression sslnegotiation
sslcertmode ssl_min_protocol_version ssl_max_protocol_version gssencmode gssdelegation gsslib krbsrvname
"""
_TAKEN = _USED | frozenset(_IGNORED.split())
_KNOWN = _TAKEN | frozenset(_OTHERS.split())  # known to libpq, so never part of a password
_BARE = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?")
_HOST = re.compile(r"[^\s@:/?#\[\]=,'\"\\%]+|\[?[0-9A-Fa-f:.]+(?:%\w+)?\]?")
_PLAIN, _SOME, _PROVEN = ("disable", "allow", "prefer"), ("require",), ("verify-ca", "verify-full")
_NAME = re.compile(r"[a-z][a-z_]{0,39}")
_QUOTE = "write password='…' with a backslash before each ' and \\"
_ENCODE = "write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25 in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The server, the login and how to use TLS.

    Args:
        address: host:port to dial.
        tls: Whether TLS is used; None when the DSN does not say.
        server_name: The name for the certificate when the address has another.
    """

    address: str
    user: str
    password: Secret | None = None
    database: str
    tls: bool | None = None
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None


def read(dsn: str, *, user: str, database: str) -> Login:
    """Return the login in *dsn*; *user* if it has none, *database* if it is only an address.

    Raises:
        ValueError: Its text begins with ``dsn:`` and shows of *dsn* only the name of a parameter.
    """
    dsn = dsn.strip()  # one that comes from a file ends in a line break
    if len(dsn) > _LONGEST or not dsn.isprintable():
        raise ValueError(f"dsn: write one line of at most {_LONGEST} characters, without control characters")
    if "://" in dsn.partition("=")[0]:
        parameters = _of_uri(dsn)
    elif "=" in dsn:
        parameters = _of_words(dsn)
    else:
        match = _BARE.fullmatch(dsn)  # else it is an IPv6 address without its brackets
        host, port = (match[1], match[2] or "") if match else (dsn, "")
        return Login(address=_address(host, port), user=user, database=database)
    return _login(parameters, user)


def _login(said: Mapping[str, str], user: str) -> Login:
    host, numeric = said.get("host", ""), said.get("hostaddr", "")
    user = said.get("user") or user
    tls, verify, ca_file = _tls(said.get("sslmode"), said.get("sslrootcert"))
    return Login(
        address=_address(numeric or host, said.get("port", "")),
        user=user,
        password=Secret(said["password"]) if said.get("password") else None,
        database=said.get("dbname") or user,
        tls=tls,
        verify=verify,
        ca_file=ca_file,
        server_name=host if numeric and host else None,
    )


def _of_uri(dsn: str) -> dict[str, str]:
    match = _URI.fullmatch(dsn)
    if not dsn.startswith(("postgres://", "postgresql://")):
        raise ValueError("dsn: is the URL of something else; write postgresql://user:password@host/database")
    if (
        match is None
        or "@" in (match["query"] or "")
        or "@" in (match["dbname"] or "")
        or "@" in match["host"]
    ):
        raise ValueError(f"dsn: its parts cannot be told apart; {_ENCODE}")
    parts = [(name, match[name]) for name in ("user", "host", "port", "dbname") if match[name]]
    if match["password"]:
        parts.append(("password", match["password"][1:]))
    for one in filter(None, (match["query"] or "").split("&")):
        name, equals, value = one.partition("=")
        if not equals:
            raise ValueError("dsn: a parameter after the question mark has no value; write name=value")
        # libpq accepts this, too, for users of JDBC.
        parts.append(("sslmode", "require") if one == "ssl=true" else (name, value))
    return _known((_decoded(name), _decoded(value)) for name, value in parts)


def _decoded(text: str) -> str:
    wrong = f"dsn: a percent sign in it does not encode a character; {_ENCODE}"
    if re.search("%(?![0-9A-Fa-f]{2})|%00", text):
        raise ValueError(wrong)
    try:
        return unquote_to_bytes(text).decode()
    except ValueError:
        raise ValueError(wrong) from None


def _of_words(dsn: str) -> dict[str, str]:
    parts, at = list[tuple[str, str]](), 0
    while at < len(dsn):
        match = _WORD.match(dsn, at)
        if match is None or (match["plain"] == "" and dsn[match.end() : match.end() + 1] in ("'", "\\")):
            raise ValueError(f"dsn: its parameters cannot be told apart; {_QUOTE}")
        name, value = match["name"], match["quoted"] if match["plain"] is None else match["plain"]
        if parts and parts[-1][0] == "password" and name not in _KNOWN:
            raise ValueError(f"dsn: the text after the password is not a parameter; {_QUOTE}")
        parts.append((name, re.sub(r"\\(.)", r"\1", value)))
        at = match.end()
    return _known(parts)


def _known(parts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters by name; ValueError for one that we cannot obey, or that comes twice."""
    known: dict[str, str] = {}
    for name, value in parts:
        if name not in _TAKEN:
            which = f"the parameter {name}" if _NAME.fullmatch(name) else "one of its parameters"
            raise ValueError(f"dsn: {which} is not supported; leave it out")
        if name in known:
            raise ValueError(f"dsn: the parameter {name} is in it twice; leave one out")
        known[name] = value
    return known


def _tls(mode: str | None, ca_file: str | None) -> tuple[bool | None, bool, Path | None]:
    """Return whether to use TLS, whether to verify, and the file of authorities."""
    if mode is None and ca_file is None:
        return None, True, None
    if mode in _PLAIN and ca_file is None:
        return False, True, None
    if mode in _PLAIN:
        raise ValueError("dsn: sslrootcert without TLS; write sslmode=verify-full, or leave it out")
    if mode not in (None, *_SOME, *_PROVEN):
        words = ", ".join((*_PLAIN, *_SOME, *_PROVEN))
        raise ValueError(f"dsn: its sslmode is not valid; write one of {words}")
    # As in libpq: with a file of authorities, `require` verifies.
    return (
        True,
        mode != "require" or ca_file is not None,
        None if ca_file in (None, "system") else Path(ca_file),
    )


def _address(host: str, port: str) -> str:
    """Return host:port, ready to dial."""
    if not host or host[0] in "/@":
        raise ValueError("dsn: has no host, and Unix sockets are not supported; write host=, or user@host/")
    if "," in host + port:
        raise ValueError("dsn: has several hosts; write a check for each of them")
    wrong = "dsn: its host and port cannot be read; write db.example.org:5432 or [::1]:5432"
    if not _HOST.fullmatch(host):
        raise ValueError(wrong)
    alone = host.strip("[]")
    bare = f"[{alone}]" if ":" in alone else alone
    try:
        place(f"{bare}:{port or PORT}")
    except ValueError:
        raise ValueError(wrong) from None
    return f"{bare}:{port or PORT}"
