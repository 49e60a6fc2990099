"""Recorded replies of the real services; they never enter the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def recorded(name: str) -> bytes:
    """The bytes of a recorded reply; the test is skipped where the data folder is not there."""
    folder = os.environ.get("MEDREK_FLOW_DATA")
    if not folder:
        pytest.skip("MEDREK_FLOW_DATA is not set: recorded replies are not in the repository")
    path = Path(folder, "connectors", name)
    if not path.is_file():
        pytest.skip(f"{name} is not in MEDREK_FLOW_DATA")
    return path.read_bytes()
