"""Where the kind tls is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"tls"}


def at(port):
    return {"address": f"127.0.0.1:{port}"}
