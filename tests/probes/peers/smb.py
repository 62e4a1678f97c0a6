"""Where the kind smb is pointed in the contract tests."""

from watch.core.settings import Secret

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"share": f"//127.0.0.1:{port}/share", "username": "mon", "password": Secret("canary")}
