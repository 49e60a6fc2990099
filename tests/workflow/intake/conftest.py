"""Fixtures of the intake's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workflow.intake.made_intake import IntakeSite


@pytest.fixture
def site(tmp_path: Path) -> IntakeSite:
    return IntakeSite(tmp_path)


@pytest.fixture
def real_data() -> Path:
    folder = os.environ.get("MEDREK_FLOW_DATA")
    if not folder:
        pytest.skip("MEDREK_FLOW_DATA is unset: it names the folder of real data to measure with")
    return Path(folder)
