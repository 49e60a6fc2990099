"""Fixtures of the grounding tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workflow.cli.running import Ran, Run
from workflow.cli.boundary import run_guarded
from workflow.cli.main import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as a shell would, in this process."""

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run_guarded(lambda: main(arguments))
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@pytest.fixture
def real_data() -> Path:
    folder = os.environ.get("MEDREK_FLOW_DATA")
    if not folder:
        pytest.skip("MEDREK_FLOW_DATA is unset: it names the folder of real data to measure with")
    return Path(folder)
