"""Lets the tests import their desk as ``tests.review_tui.memory_desk``, whatever folder pytest is started in."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
