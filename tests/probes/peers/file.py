"""Where the kind file is pointed in the contract tests: nowhere, it asks nobody over the network."""

TRANSPORT = None
