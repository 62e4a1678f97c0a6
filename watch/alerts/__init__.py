"""Who must know: from standings to notices that arrive."""
