"""Databases, caches and directories, each in its own protocol."""
