"""Scoreboard: the papers' claims, and a page of each."""
