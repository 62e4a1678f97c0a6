"""Where the kind ports is pointed in the contract tests: closed ports, silence and nonsense are its daily bread."""

TRANSPORT = None
