"""Blocks as text for a console, as Markdown and as HTML: one module each."""
