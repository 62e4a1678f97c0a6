"""Alerts: from the state of components to delivered notices."""
