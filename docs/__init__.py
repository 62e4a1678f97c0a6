"""The documentation: pages written by hand, and `docs.build`, which generates the reference from the code."""
