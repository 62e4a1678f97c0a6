"""Where the kind fibrechannel is pointed in the contract tests: nowhere, it looks at its own machine."""

TRANSPORT = None
