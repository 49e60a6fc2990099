"""A filled site, found by the environment, and a way to run commands on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.cli.made_site import World, fill
from tests.workflow.cli.running import Ran, Run
from workflow.cli.boundary import run_guarded
from workflow.cli.main import main
from workflow.site import HOME_VARIABLE, FirstReviewer, Site

PIN = "2468"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A demo site with one scripted signer, found by the environment."""
    first = FirstReviewer(name="Script One", role="pharmacist", pin=PIN, reviewer_id="script-one", scripted=True)
    made = Site.create(tmp_path / "site", demo=True, signer_profile="one_signer", reviewer=first)
    monkeypatch.setenv(HOME_VARIABLE, str(made.root))
    monkeypatch.chdir(tmp_path)
    return made


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
def world(site: Site) -> World:
    """The site with two batches in force and one candidate that waits."""
    return fill(site)
