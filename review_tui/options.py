"""How one sitting looks and behaves: theme, signs, mouse, keys. Read once, passed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from review_tui.keymap import KeyTable

REMOTE_VARIABLES = ("SSH_CONNECTION", "SSH_TTY")


@dataclass(frozen=True)
class DeskOptions:
    """What the reviewer, or the site, has chosen."""

    theme: str = "dark"
    """One of ``themes.THEME_NAMES``."""
    is_ascii: bool = False
    """Whether the terminal shows ASCII only."""
    has_mouse: bool = True
    """Without it the terminal selects and copies text as it always does."""
    keys: KeyTable = field(default_factory=KeyTable)


def is_remote(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this terminal is at the other end of ssh."""
    return any(environment.get(name) for name in REMOTE_VARIABLES)
