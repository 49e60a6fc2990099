"""Writes the documentation page of keys from the registry of actions: ``python -m review_tui.key_page``."""

from __future__ import annotations

import sys

from review_tui.action import SCOPE_TITLE, Scope
from review_tui.actions import ACTIONS
from review_tui.keymap import RESERVED, keys_words

_HEAD = """# Keys of the review desk

Written by `python -m review_tui.key_page > docs/review_keys.md`; do not edit it by hand.

On the desk, `?` lists the keys of the page you are on and `ctrl+p` finds any action by its name; enter does it.
Actions marked ◆ lead to a verdict or a signature: a held key, or one pressed before anybody can have read the page,
does not count, and they are never on enter, space, backspace, delete, tab or escape.

To use other keys, give their actions' names in `medrek-flow.toml`:

```toml
[review]
keys = ["candidate.approve: y", "candidate.copy_id: c", "queue.down: j, down"]
```

or in a file of your own, for `medrek-flow review --keymap FILE`:

```toml
"candidate.approve" = "y"
"candidate.copy_id" = "c"
```

A name that does not exist, a key that would do two things on one page, an action left without a key, or a key
that is kept for the terminal ({reserved}) is refused before the desk opens. The keys of dialogs are fixed.
"""


def key_page() -> str:
    """Give the whole page."""
    parts = [_HEAD.format(reserved=", ".join(sorted(RESERVED)))]
    parts += [_section(scope) for scope in Scope if any(action.scope is scope for action in ACTIONS)]
    return "\n".join(parts)


def _section(scope: Scope) -> str:
    lines = [f"## {SCOPE_TITLE[scope]}", "", "| key | name | what it does |", "|---|---|---|"]
    for action in ACTIONS:
        if action.scope is scope:
            mark = " ◆" if action.decides else ""
            keys = keys_words(action.keys).replace("|", "\\|")
            lines.append(f"| `{keys}` | `{action.name}` | {action.help}{mark} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(key_page())
