"""Where it is kept. Each store speaks the protocols of `watch.ports`; one contract suite holds for all."""
