"""The two themes, quiet greys around the colours of `palette.py`, and the choice between them."""

from __future__ import annotations

from textual.theme import Theme

DARK_THEME = Theme(
    name="memlab-dark",
    primary="#56b4e9",
    secondary="#8a8f98",
    accent="#56b4e9",
    warning="#e5c453",
    error="#ff6b6b",
    success="#2fc99b",
    foreground="#d8dbe0",
    background="#111318",
    surface="#171a21",
    panel="#20242d",
    dark=True,
    variables={
        "footer-key-foreground": "#56b4e9",
        "footer-background": "#171a21",
        "footer-description-foreground": "#a9aeb8",
        "border": "#3a404c",
        "border-blurred": "#2b303a",
        "block-cursor-background": "#2d4a61",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#20242d",
        "block-cursor-blurred-foreground": "#d8dbe0",
        "input-selection-background": "#56b4e9 35%",
    },
)
LIGHT_THEME = Theme(
    name="memlab-light",
    primary="#0068a8",
    secondary="#666a72",
    accent="#0068a8",
    warning="#7a5c00",
    error="#b3261e",
    success="#00785a",
    foreground="#22252b",
    background="#fbfbf9",
    surface="#f3f3f0",
    panel="#e6e6e2",
    dark=False,
    variables={
        "footer-key-foreground": "#0068a8",
        "footer-background": "#f3f3f0",
        "footer-description-foreground": "#4d525c",
        "border": "#b9bcc2",
        "border-blurred": "#d5d7da",
        "block-cursor-background": "#cfe3f2",
        "block-cursor-foreground": "#101318",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e6e6e2",
        "block-cursor-blurred-foreground": "#22252b",
        "input-selection-background": "#0068a8 25%",
    },
)
THEMES = {theme.name: theme for theme in (DARK_THEME, LIGHT_THEME)}


def other(name: str) -> str:
    """The light theme's name for the dark one's, and the other way round."""
    return LIGHT_THEME.name if name == DARK_THEME.name else DARK_THEME.name
