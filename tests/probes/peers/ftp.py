"""Where the kind ftp is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol", "limit"}


def at(port):
    return {"address": f"127.0.0.1:{port}", "tls": "none"}
