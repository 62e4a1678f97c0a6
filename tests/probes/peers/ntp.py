"""Where the kind ntp is pointed in the contract tests."""

TRANSPORT, WRONG = "udp", {"protocol"}


def at(port):
    return {"address": f"127.0.0.1:{port}"}
