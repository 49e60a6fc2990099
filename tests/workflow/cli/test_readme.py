"""The README's example is true: its two files make exactly the candidate that it tells of, and its words exist."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from connectors.dropfolder import DropFolderSource
from connectors.source import DateWindow
from workflow.candidate_list import CandidateSummary, list_candidates
from workflow.cli.main import app
from workflow.errors import ExitCode
from workflow.intake.collect import collect
from workflow.intake.detect import detect
from workflow.intake.propose import extract_document, waiting_documents
from workflow.records import CandidateState
from workflow.runs import open_run
from workflow.site import Site

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(version: int) -> str:
    """The example file of the README."""
    found = re.search(rf"<!-- example: corvandine.md, version {version} -->\n```markdown\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def read_night(site: Site, day: date) -> tuple[CandidateSummary, ...]:
    """Run a night's steps up to the candidates, without a model."""
    ledger = site.open_ledger()
    run_id = open_run(ledger, now=datetime.combine(day, time(2), UTC), since=None).run_id
    source = DropFolderSource(site.drop_folder)
    collect(ledger, site.documents, source, run_id=run_id, window=DateWindow(day, day))
    detect(ledger, site.documents, run_id=run_id)
    for document_id in waiting_documents(ledger):
        extract_document(ledger, site.documents, run_id=run_id, document_id=document_id)
    with ledger.read() as connection:
        found = list_candidates(connection, states=tuple(CandidateState))
    ledger.close()
    return found


def test_the_first_version_is_a_baseline_and_the_second_makes_one_candidate(site: Site) -> None:
    (site.drop_folder / "corvandine.md").write_text(example(1), encoding="utf-8")
    assert read_night(site, date(2026, 11, 5)) == ()
    (site.drop_folder / "corvandine.md").write_text(example(2), encoding="utf-8")
    (candidate,) = read_night(site, date(2026, 11, 18))
    assert (candidate.subject, candidate.object_old, candidate.object_new) == (
        "corvandine",
        "10 mg once daily",
        "5 mg once daily",
    )
    assert candidate.question == "What is the recommended dose of corvandine for women?"


def test_every_command_that_the_readme_names_exists() -> None:
    groups = {group.name for group in app.registered_groups if group.name}
    single = {
        command.name or getattr(command.callback, "__name__", "")
        for group in app.registered_groups
        if group.typer_instance is not None and not group.name
        for command in group.typer_instance.registered_commands
    }
    named = set(re.findall(r"(?m)(?:^|`)medrek-flow ([a-z]+)", README))
    assert named <= groups | single


@pytest.mark.parametrize("code", list(ExitCode), ids=str)
def test_the_readme_lists_every_exit_code(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", README, re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / target).exists(), f"{page}: {target}"


def test_every_json_schema_is_documented() -> None:
    documented = set(re.findall(r"`medrek-flow\.([a-z-]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    named = re.compile(r"(?:emit_json|_tell)\(\s*\"([a-z-]+)\"|\"schema\": \"medrek-flow\.([a-z-]+)\"")
    emitted = {
        "".join(found)
        for path in (ROOT / "workflow").rglob("*.py")
        for found in named.findall(path.read_text(encoding="utf-8"))
    }
    assert documented == emitted
