"""The look and the keys of the review screens: what the settings say, and what the command line says over them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from review_tui.options import DeskOptions
    from workflow.settings.review import ReviewTable

THEMES = ("dark", "light", "ansi", "ansi-light")


def desk_options(
    settings: ReviewTable,
    *,
    theme: str = "",
    keymap: Path | None = None,
    is_ascii: bool = False,
    has_mouse: bool = True,
) -> DeskOptions:
    """Give the options of a sitting.

    Raises:
        SettingsError: Keys that cannot be worked with, or a keymap file that cannot be read: one line.
        UsageError: There is no such theme.
    """
    from review_tui.errors import KeymapError
    from review_tui.keymap import KeyTable
    from review_tui.options import DeskOptions

    if theme and theme not in THEMES:
        raise UsageError(f"--theme {theme}: expected one of {', '.join(THEMES)}")
    wanted = keys_of_lines(settings.keys) if keymap is None else keys_of_file(keymap)
    try:
        keys = KeyTable.read(wanted)
    except KeymapError as error:
        raise SettingsError(str(error)) from error
    return DeskOptions(theme=theme or settings.theme, is_ascii=is_ascii, has_mouse=has_mouse, keys=keys)


def keys_of_lines(lines: tuple[str, ...]) -> dict[str, str]:
    """Read ``"candidate.approve: y"`` lines of the settings.

    Raises:
        SettingsError: A line has no colon, or names an action twice.
    """
    wanted: dict[str, str] = {}
    for line in lines:
        name, colon, keys = line.partition(":")
        if not colon or name.strip() in wanted:
            raise SettingsError(f'review.keys: expected each action once, like "candidate.approve: y", got {line!r}')
        wanted[name.strip()] = keys.strip()
    return wanted


def keys_of_file(path: Path) -> dict[str, str]:
    """Read a reviewer's own file of keys: one line of TOML an action.

    Raises:
        SettingsError: It cannot be read, is no TOML, or holds anything but names with keys.
    """
    try:
        kept = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as a keymap ({type(error).__name__})") from error
    wrong = next((name for name, keys in kept.items() if not isinstance(keys, str)), None)
    if wrong is not None:
        raise SettingsError(f'{path}: {wrong}: expected keys as text, like "candidate.approve" = "y"')
    return {name: str(keys) for name, keys in kept.items()}
