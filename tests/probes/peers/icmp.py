"""Where the kind icmp is pointed in the contract tests."""

TRANSPORT = None
