"""Where the kind mongodb is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"address": f"127.0.0.1:{port}"}
