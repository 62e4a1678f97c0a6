"""The documentation: pages written by hand, and `docs.build`, which writes the reference from the code."""
