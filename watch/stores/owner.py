"""What a user is told who may not use what belongs to another user: whose it is, and how to act as them."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path


def owner_of(path: Path) -> str:
    """The name of the user to whom *path* belongs, or else the nearest folder above it that can be seen."""
    for it in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return _name(it.lstat().st_uid)
    return "another user"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def as_owner(owner: str, verb: str = "…") -> str:
    """How to run a verb as *owner*: ``sudo -u root threenines …``."""
    who = f"'#{owner.removeprefix('user ')}'" if owner.startswith("user ") else owner
    return f"`sudo -u {who} threenines {verb}`"


def foreign(path: Path, need: int = os.R_OK) -> str | None:
    """Why this user may not use *path*, which belongs to another, and what to do; None when that is not the reason.

    Args:
        need: `os.R_OK` or `os.W_OK`.
    """
    with contextlib.suppress(FileNotFoundError):
        try:
            mine = path.lstat().st_uid == os.geteuid() or os.access(path, need, effective_ids=True)
        except PermissionError:  # its folder may not be looked into
            mine = False
        if not mine:
            owner, may = owner_of(path), "read" if need == os.R_OK else "write"
            wrong = f"{path}: belongs to {owner}, and this user may not {may} it"
            return f"{wrong}. Run this as {owner}: {as_owner(owner)}."
    return None


def refused(error: PermissionError) -> str:
    """The message for *error* where nothing better is known."""
    file = (
        Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else None
    )
    if file is None:
        return f"this user has no permission for that ({error.strerror})"
    return (
        foreign(file)
        or foreign(file, os.W_OK)
        or f"{file}: {error.strerror}. Give this user the permission for it."
    )
