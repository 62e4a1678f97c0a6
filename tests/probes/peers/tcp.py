"""Where the kind tcp is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"timeout"}


def at(port):
    return {"address": f"127.0.0.1:{port}", "send": "x", "until": "never said"}
