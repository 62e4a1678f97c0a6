"""Where the kind mirror is pointed in the contract tests."""

TRANSPORT, WRONG = "tcp", {"protocol"}


def at(port):
    lun = f"iscsi://127.0.0.1:{port}/iqn.2026-11.test:disk"
    return {"first": f"{lun}/1", "second": f"{lun}/2"}
