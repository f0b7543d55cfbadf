"""Measurements of (parameters, data): pure functions of tensors, for all members of a stack.

What an instrument is to a run (name, cadence, panes) is declared elsewhere; here is only what it
computes.
"""
