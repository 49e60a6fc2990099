"""Making and finding a site."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.cli.opening import find_site
from workflow.errors import DamagedError, IllegalTransitionError, SettingsError, UsageError
from workflow.graphs import open_checkpoints
from workflow.identity import list_reviewers, os_user
from workflow.ledger.ledger import Ledger
from workflow.settings import FILE_NAME
from workflow.site import HOME_VARIABLE, FirstReviewer, Site

ROOT = Path(__file__).parents[2]
ADA = FirstReviewer(name="Ada", role="pharmacist", pin="123456")


def test_a_site_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", reviewer=ADA, settings={"site.name": "St. Elsewhere"})
    ledger = site.open_ledger()
    assert (ledger.kind(), ledger.signer_profile()) == ("hospital", "two_signer")
    assert [(r.reviewer_id, r.name, r.scripted) for r in list_reviewers(ledger)] == [(os_user().user_id, "Ada", False)]
    ledger.close()
    assert site.settings.site.name == "St. Elsewhere"
    assert site.drop_folder.is_dir()
    for path in (site.root, *site.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert site.warnings() == ()


def test_a_site_is_found_from_below_and_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    site = Site.create(tmp_path / "site", demo=True)
    assert Site.find(site.data / "documents").root == site.root
    with pytest.raises(SettingsError, match="is not set"):
        Site.find(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(site.root))
    assert Site.find(tmp_path).root == site.root
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    with pytest.raises(SettingsError, match="holds none either"):
        Site.find(tmp_path)


def test_a_site_is_not_made_twice(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    before = site.ledger_path.read_bytes()
    with pytest.raises(SettingsError, match="is a site already"):
        Site.create(tmp_path / "site", demo=False)
    assert site.ledger_path.read_bytes() == before


KILLED = """
import os, sys
from pathlib import Path
import workflow.site as module
from workflow.site import FirstReviewer, Site
def die(*args, **kwargs):
    os.kill(os.getpid(), 9)
target, name = sys.argv[2].rsplit(".", 1)
setattr(sys.modules[target] if target in sys.modules else __import__(target), name, die)
Site.create(Path(sys.argv[1]), demo=True, reviewer=FirstReviewer("Ada", "pharmacist", "123456"))
"""


@pytest.mark.parametrize(
    "place", ["workflow.ledger.ledger.migrate", "workflow.site.add_reviewer", "workflow.site.write_durably"]
)
def test_a_half_made_site_is_made_anew(tmp_path: Path, place: str) -> None:
    root = tmp_path / "site"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root), place], cwd=ROOT, check=False)
    assert killed.returncode == -9
    with pytest.raises(SettingsError):
        Site.find(root)
    site = Site.create(root, demo=True, reviewer=ADA)
    ledger = site.open_ledger()
    assert [reviewer.name for reviewer in list_reviewers(ledger)] == ["Ada"]


def test_a_pin_that_is_too_short_leaves_no_site(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PIN"):
        Site.create(tmp_path / "site", reviewer=FirstReviewer("Ada", "pharmacist", "1"))
    assert not (tmp_path / "site" / FILE_NAME).exists()
    Site.create(tmp_path / "site", reviewer=ADA)


def test_a_ledger_in_use_is_never_cleared(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True, reviewer=ADA)
    ledger = site.open_ledger()
    with ledger.write() as transaction:
        transaction.audit("tests.event", "x", {}, actor="tests")
    ledger.close()
    site.settings_path.unlink()
    with pytest.raises(SettingsError, match="restore that file"):
        Site.create(site.root)
    assert site.ledger_path.exists()


@pytest.mark.parametrize("folder", ["documents", "memory"])
def test_documents_without_a_ledger_are_never_cleared(tmp_path: Path, folder: str) -> None:
    (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "data" / folder / "x").touch()
    with pytest.raises(SettingsError, match="not empty"):
        Site.create(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be made"):
        Site.create(tmp_path / "file" / "site")


def test_settings_and_ledger_must_agree_on_the_signers(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True, signer_profile="two_signer")
    text = site.settings_path.read_text().replace('"two_signer"', '"one_signer"')
    site.settings_path.write_text(text)
    with pytest.raises(SettingsError, match="expected two_signer, as the ledger has it, got one_signer"):
        Site(site.root).open_ledger()


def test_a_profile_that_does_not_exist_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="signer_profile"):
        Site.create(tmp_path / "site", signer_profile="three_signer")
    assert not (tmp_path / "site").exists()


def test_a_hospital_site_takes_no_scripted_signer(tmp_path: Path) -> None:
    scripted = FirstReviewer("Robot", "script", "123456", reviewer_id="robot", scripted=True)
    with pytest.raises(IllegalTransitionError, match="expected a demo site"):
        Site.create(tmp_path / "site", reviewer=scripted)
    Site.create(tmp_path / "demo", demo=True, reviewer=scripted)


def test_an_open_folder_is_named_with_its_remedy(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    site.ledger_path.chmod(0o644)
    site.settings_path.chmod(0o666)
    assert [line.rsplit("run: ")[1].split()[:2] for line in site.warnings()] == [["chmod", "go-w"], ["chmod", "go-rwx"]]


def test_a_missing_or_broken_ledger_is_told_apart(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    site.ledger_path.write_bytes(b"garbage" * 9)
    with pytest.raises(DamagedError):
        site.open_ledger()
    site.ledger_path.unlink()
    with pytest.raises(SettingsError):
        site.open_ledger()


def test_opening_imports_neither_alembic_nor_a_model(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    heavy = ("torch", "transformers", "langgraph", "textual", "chromadb", "httpx", "alembic")
    code = (
        "import sys; from pathlib import Path; from workflow.site import Site\n"
        "import workflow.ledger_desk, workflow.run_log, workflow.ledger.lease\n"
        f"Site(Path({str(site.root)!r})).open_ledger().close()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_umask_is_put_back(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Site.create(tmp_path / "site", demo=True)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_ledger_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = Ledger.create(tmp_path / "l.sqlite", kind="demo", signer_profile="one_signer", actor="tests")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        ledger.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}


def test_a_command_makes_files_for_the_sites_accounts_alone(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    before = os.umask(0o022)
    try:
        find_site(site.root)
        with open_checkpoints(site.checkpoints_path):
            (site.reports_folder / "night.md").write_text("x", encoding="utf-8")
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)
    for path in (site.checkpoints_path, site.reports_folder / "night.md"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    site.checkpoints_path.chmod(0o644)
    (line,) = site.warnings()
    assert f"chmod go-rwx {site.checkpoints_path}" in line
