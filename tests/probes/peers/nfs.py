"""Where the kind nfs is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"server": f"127.0.0.1:{port}"}
