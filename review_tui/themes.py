"""The desk's own two themes, and the terminal's own colours. Orange against blue: the pair that every common kind
of colour blindness keeps apart. No state is told by colour alone, in any of them.
"""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="desk-dark",
    primary="#4f9fe0",
    secondary="#3a6ea5",
    accent="#ffb454",
    warning="#ff9e3d",
    error="#ff6b57",
    success="#5fb3ff",
    foreground="#e4e4e4",
    background="#121417",
    surface="#1b1e23",
    panel="#262a31",
    dark=True,
    variables={"quiet": "#9aa3ad", "cursor-row": "#2b5078"},
)
LIGHT = Theme(
    name="desk-light",
    primary="#0b5394",
    secondary="#6fa8dc",
    accent="#a04a00",
    warning="#b35900",
    error="#b3261e",
    success="#0b5fb0",
    foreground="#16191d",
    background="#fbfbfa",
    surface="#f0f1f2",
    panel="#dfe3e8",
    dark=False,
    variables={"quiet": "#565f69", "cursor-row": "#bcd9f5"},
)


def _ansi(base: str, *, cursor_row: str) -> Theme:
    """Make a theme of the terminal's own sixteen colours, blue and yellow where others take green and red."""
    builtin = BUILTIN_THEMES[base]
    variables = {**builtin.variables, "quiet": "ansi_default", "cursor-row": cursor_row}
    return replace(builtin, name=f"desk-{base}", success="ansi_blue", accent="ansi_cyan", variables=variables)


OWN = (DARK, LIGHT, _ansi("ansi-dark", cursor_row="ansi_blue"), _ansi("ansi-light", cursor_row="ansi_cyan"))
THEMES = dict(zip(("dark", "light", "ansi", "ansi-light"), (theme.name for theme in OWN), strict=True))
"""Textual's names by those that settings and ``--theme`` use."""
THEME_NAMES = tuple(THEMES)


def next_theme(current: str) -> str:
    """Give the Textual name of the theme after this one."""
    names = list(THEMES.values())
    return names[(names.index(current) + 1) % len(names)] if current in names else names[0]
