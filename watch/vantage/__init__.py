"""When and from where: all that an agent is."""
