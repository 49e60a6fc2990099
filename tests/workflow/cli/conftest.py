"""A filled site, found by the environment, and a way to run commands on it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workflow.cli.made_site import World, fill
from tests.workflow.cli.running import Ran, Run
from workflow.cli.boundary import run_guarded
from workflow.cli.main import main
from workflow.site import HOME_VARIABLE, FirstReviewer, Site

PIN = "2468"


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A demo site with one scripted signer, to be copied."""
    first = FirstReviewer(name="Script One", role="pharmacist", pin=PIN, reviewer_id="script-one", scripted=True)
    root = tmp_path_factory.mktemp("empty") / "site"
    return Site.create(root, demo=True, signer_profile="one_signer", reviewer=first)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, empty_site: Site) -> World:
    """The same site with two batches in force, to be copied."""
    root = tmp_path_factory.mktemp("filled") / "site"
    shutil.copytree(empty_site.root, root)
    return fill(Site(root))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Site:
    """A demo site with one scripted signer, found by the environment; filled where the test asks for ``world``."""
    if "world" in request.fixturenames:
        template = request.getfixturevalue("filled").site
    else:
        template = request.getfixturevalue("empty_site")
    shutil.copytree(template.root, tmp_path / "site")
    made = Site(tmp_path / "site")
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
def world(site: Site, filled: World) -> World:
    """The site with two batches in force and one candidate that waits."""
    return replace(filled, site=site)
