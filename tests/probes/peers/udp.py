"""Where the kind udp is pointed in the contract tests."""

TRANSPORT, WRONG = "udp", {"expectation"}


def at(port):
    return {"address": f"127.0.0.1:{port}", "send": "x", "until": "never said"}
