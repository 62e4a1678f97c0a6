"""What to believe: from observations to states, ledger, alerts and the page."""
