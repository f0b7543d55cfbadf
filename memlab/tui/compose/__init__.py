"""Compose: presets, the form, and what the noise does."""
