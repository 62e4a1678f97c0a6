"""The other end of the hub's socket (`watch.web.hub_socket`): what the command line imports, and therefore light."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from typing import TYPE_CHECKING, Any

import orjson

from watch.errors import Trouble
from watch.stores.owner import as_owner, owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class HubPrivate(Trouble):
    """A hub of another user, whom only they may ask."""

    def __init__(self, socket: Path) -> None:
        self.owner = owner_of(socket)
        self.wrong = f"{socket}: this user may not ask the hub, whose socket belongs to {self.owner}"
        super().__init__(f"{self.wrong}. Run this as {self.owner}, whose hub it is: {as_owner(self.owner)}.")


_LONGEST = 70  # bytes of a name: with the folder's descriptor before it, it fits into an address


def place(store: Path) -> Path:
    """Where the socket of the hub that holds *store* is. A long name is replaced by its digest."""
    name = f"{store.name}.sock"
    if len(os.fsencode(name)) > _LONGEST:
        name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:24]}.sock"
    return store.with_name(name)


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of *path* that fits into a socket address, which holds 107 bytes."""
    if len(os.fsencode(path)) <= 100 or not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - a constant
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def asked(
    store: Path, verb: str, arguments: Mapping[str, Any], *, by: str = "", timeout: float = 60.0
) -> Any:
    """What the hub that holds *store* answers.

    ConnectionError when none listens; HubPrivate when it is another user's; Trouble when it refuses.
    """
    try:
        request = orjson.dumps({"verb": verb, "arguments": dict(arguments), "by": by}) + b"\n"
    except TypeError:
        raise Trouble(
            f"{verb}: this cannot be asked of a hub: a number is too large, or a text is not UTF-8"
        ) from None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as there:
        there.settimeout(timeout)
        try:
            if place(store).is_symlink():
                raise ConnectionError("a link is in the place of the hub's socket")
            with short_name(place(store)) as name:
                there.connect(name)
        except PermissionError:
            raise HubPrivate(place(store)) from None
        there.sendall(request)
        with there.makefile("rb") as lines:
            line = lines.readline()
    if not line:
        raise ConnectionError("the hub ended the connection without an answer")
    said = orjson.loads(line)
    if said["code"]:
        trouble = Trouble(said["error"])
        trouble.exit_code = said["code"]
        raise trouble
    return said["answer"]
