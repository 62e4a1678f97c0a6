"""Where the kind iscsi is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    return {"portal": f"127.0.0.1:{port}", "target": "iqn.2026-11.test:disk", "lun": 1}
