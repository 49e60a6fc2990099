"""The demo's bulletins through the drop folder, lane B, and the wall: one made-up quote refused, one fact proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.dropfolder import DropFolderSource
from connectors.notice import Delivery
from connectors.source import DateWindow
from workflow.demo.loopback import LoopbackWorld
from workflow.demo.scripted_llm import ScriptedLlm
from workflow.demo.story import llm_rules
from workflow.intake.compare import compare
from workflow.intake.extractor import ChangedSentence, DocumentChanges, NoticeText, Refused
from workflow.intake.llm_cache import RunCallCache
from workflow.intake.llm_client import LlmClient, LlmEndpoint
from workflow.intake.llm_extractor import LlmExtractor
from workflow.intake.normalise import AliasTable, normalise
from workflow.intake.questions import write
from workflow.intake.sentences import split
from workflow.intake.wall import NoticeStanding, check
from workflow.records import Candidate, ChangeKind


def notice_text(delivery: Delivery) -> NoticeText:
    (notice,) = delivery.notices
    return NoticeText(
        notice_id=f"n-{notice.key}-{notice.version}",
        document_id=delivery.document.text_sha256,
        source=notice.source,
        kind=notice.kind,
        key=notice.key,
        version=notice.version,
        title=notice.title,
        start=notice.start,
        end=notice.end,
        text=delivery.document.text,
        sections=notice.sections,
        names=notice.names,
    )


def changes_of(old: NoticeText, new: NoticeText) -> DocumentChanges:
    pairs = compare(
        split(old.text, old.start, old.end, old.sections), split(new.text, new.start, new.end, new.sections)
    )
    changes = tuple(
        ChangedSentence(
            change_id=f"ch-{number}",
            kind=ChangeKind.REVISED,
            notice=new,
            previous=old if pair.old else None,
            section=pair.new.section,
            start=pair.new.start,
            end=pair.new.end,
            old_start=pair.old.start if pair.old else None,
            old_end=pair.old.end if pair.old else None,
        )
        for number, pair in enumerate(pairs)
        if pair.new
    )
    return DocumentChanges(new.document_id, changes)


@pytest.fixture
def versions(tmp_path: Path) -> dict[str, tuple[NoticeText, NoticeText]]:
    """Each file of the drop folder on night 0 and on night 1."""
    world, source = LoopbackWorld(), DropFolderSource(tmp_path)
    pulled: list[list[NoticeText]] = []
    for night in (0, 1):
        world.night = night
        world.fill_drop_folder(tmp_path)
        day = world.now.date()
        pulled.append([notice_text(delivery) for delivery in source.pull(DateWindow(day, day))])
    world.stop()
    return {old.key: (old, new) for old, new in zip(*pulled, strict=True)}


def propose(document: DocumentChanges) -> list[Candidate | Refused]:
    with ScriptedLlm(llm_rules()) as llm:
        endpoint = LlmEndpoint(llm.base_url, "scripted", allow_private=True)
        with LlmClient(endpoint) as client:
            return LlmExtractor(client, RunCallCache()).propose(document)


def test_the_made_up_quote_is_refused(versions: dict[str, tuple[NoticeText, NoticeText]]) -> None:
    (refused,) = propose(changes_of(*versions["file:melistat-bulletin.txt"]))
    assert isinstance(refused, Refused)
    assert "not found in the document" in refused.reason
    assert refused.candidate is not None
    assert refused.candidate.evidence == ()


def test_the_grounded_fact_passes_the_wall(versions: dict[str, tuple[NoticeText, NoticeText]]) -> None:
    old, new = versions["file:uricolene-bulletin.txt"]
    (candidate,) = propose(changes_of(old, new))
    assert isinstance(candidate, Candidate)
    aliases = AliasTable.of([("uricolene", "Uricolex"), ("melistat", "Melistor")])
    asked = write(normalise(candidate, aliases, own=()), aliases.known)
    standing = NoticeStanding(new.document_id, new.start, new.end, is_newest=True)
    assert check(asked, {new.document_id: new.text}, {new.notice_id: standing}) == ()
    assert asked.question == "Which drug must not be combined with uricolene?"


@pytest.mark.parametrize("key", ["file:gout-guideline-2026.md", "file:hydrazepam-memo.html"])
def test_what_the_script_does_not_name_has_not_changed(
    versions: dict[str, tuple[NoticeText, NoticeText]], key: str
) -> None:
    assert propose(changes_of(*versions[key])) == []
