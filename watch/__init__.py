"""Threenines watches services, and accounts for every second of what it saw."""
