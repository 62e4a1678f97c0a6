"""Where the kind dns is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"name": "web.test", "resolver": f"127.0.0.1:{port}", "over": "tcp"}
