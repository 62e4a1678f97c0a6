"""What several kinds share: one folder a family of protocols.

The families build on `net` (names, addresses, sockets, TLS, whose fault it is) and on `child` (a bounded child
program), and on nothing of each other; import-linter holds that, and lists the exceptions. No family imports a kind.
"""
