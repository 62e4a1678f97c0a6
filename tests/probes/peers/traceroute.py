"""Where the kind traceroute is pointed in the contract tests: it asks whoever is on the way, not a port."""

TRANSPORT = None
