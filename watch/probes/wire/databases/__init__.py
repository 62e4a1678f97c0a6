"""Databases, caches and directories, spoken to in their own protocols."""
