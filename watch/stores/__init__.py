"""The stores. Each implements the protocols of `watch.ports`; one contract suite tests them all."""
