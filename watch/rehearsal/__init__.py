"""Rehearsal: who would be paged, when and why, by the product's own parts on a virtual clock and in memory.

`simulation` drives the hub with a scripted world, `replaying` with what the ledger has recorded. Both end in a diary:
lines in the order of time. Nothing is asked, sent or written.
"""
