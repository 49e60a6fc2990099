"""Who may open what a site holds: its owner alone, or the accounts of one group of the machine too.

The folder itself says which, so that nothing has to agree with it: 0700 with files 0600, or 2770 with files 0660,
where the setgid bit hands the group on to whatever is made inside.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_SHARED = stat.S_ISGID | stat.S_IRWXG


def is_shared(folder: Path) -> bool:
    """Whether a folder is its group's too."""
    return folder.stat().st_mode & _SHARED == _SHARED


def close_to_others(root: Path) -> None:
    """Let this process make everything for those alone whom the site's folder lets in."""
    os.umask(0o007 if is_shared(root) else 0o077)


def share(folder: Path, group_id: int) -> None:
    """Open a folder to a group, and what is made in it from now on."""
    os.chown(folder, -1, group_id)
    folder.chmod(0o2770)


def open_closed(path: Path, flags: int) -> int:
    """Open a file for writing, made where it is missing for those alone whom its folder lets in; no link is followed.

    Returns: the descriptor.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    if is_shared(path.parent) and os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o660)
    return descriptor
