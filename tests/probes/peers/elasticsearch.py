"""Where the kind elasticsearch is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"url": f"http://127.0.0.1:{port}"}
