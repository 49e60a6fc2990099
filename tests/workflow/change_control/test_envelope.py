"""The envelope: closed at first, every clause refuses by name, and only signed bytes open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.change_control.made_batches import IDENTITY, enrol, make_candidate
from workflow.change_control import acts
from workflow.change_control.automatic import consider, envelope_check, require_inside
from workflow.change_control.envelope import (
    FILE_NAME,
    BatchFacts,
    Envelope,
    clauses_broken,
    read_envelope,
    starter_envelope,
)
from workflow.change_control.envelope_signing import EnvelopeStanding, sign_envelope, standing_of
from workflow.change_control.roles import EnvelopeState
from workflow.errors import IllegalTransitionError, SettingsError
from workflow.identity import WrongPinError, hash_pin
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger

TODAY = date(2026, 11, 20)
OPEN = f"""
closed = false
expires = 2026-12-31
[allow]
relations = ["recommended_dose"]
sources = [""]
risks = ["low", "high"]
[limits]
most_edits_a_batch = 2
most_edits_a_night = 3
[fits]
base_models = ["{IDENTITY.base_model_digest}"]
"""
INSIDE = BatchFacts(
    batch_id="b0001",
    relations=frozenset({"recommended_dose"}),
    sources=frozenset({"dailymed"}),
    risks=frozenset({"low"}),
    edits=2,
    edits_tonight=1,
    ejected=0,
    faq_moved=0,
    supersedes=0,
    expedited=False,
    base_model_digest="b" * 64,
)


def written(root: Path, text: str) -> Envelope:
    """Put an envelope into a site and read it back."""
    (root / FILE_NAME).write_text(text, encoding="utf-8")
    file = read_envelope(root)
    assert file is not None
    return file.envelope


@pytest.fixture
def envelope(tmp_path: Path) -> Envelope:
    """An open one."""
    return written(tmp_path, OPEN.replace('[""]', '["dailymed"]').replace(', "high"', ""))


def test_the_starter_is_closed_and_says_how_to_open_it(tmp_path: Path) -> None:
    envelope = written(tmp_path, starter_envelope())
    assert envelope == Envelope()
    assert [one.clause for one in clauses_broken(envelope, INSIDE, today=TODAY)][:2] == ["closed", "expires"]
    text = starter_envelope()
    assert "CLOSED" in text
    assert "medrek-flow envelope\n# sign" in text or "medrek-flow envelope sign" in text.replace("\n# ", " ")
    for clause in ("relations", "sources", "most_edits_a_night", "base_models", "expires"):
        assert f"\n{clause} = " in text


def test_inside_nothing_is_said(envelope: Envelope) -> None:
    assert clauses_broken(envelope, INSIDE, today=TODAY) == ()


@pytest.mark.parametrize(
    ("clause", "change"),
    [
        ("allow.relations", {"relations": frozenset({"recommended_dose", "indicated_for"})}),
        ("allow.sources", {"sources": frozenset({"dailymed", "dropfolder"})}),
        ("allow.sources", {"sources": frozenset({""})}),
        ("allow.risks", {"risks": frozenset({"low", "high"})}),
        ("allow.superseding", {"supersedes": 1}),
        ("allow.expedited", {"expedited": True}),
        ("limits.most_edits_a_batch", {"edits": 3, "edits_tonight": 0}),
        ("limits.most_edits_a_night", {"edits_tonight": 2}),
        ("limits.most_ejected", {"ejected": 1}),
        ("limits.most_faq_moved", {"faq_moved": 1}),
        ("fits.base_models", {"base_model_digest": "c" * 64}),
    ],
)
def test_each_clause_refuses_alone_and_by_name(envelope: Envelope, clause: str, change: dict[str, object]) -> None:
    facts = replace(INSIDE, **change)  # type: ignore[arg-type]
    assert [one.clause for one in clauses_broken(envelope, facts, today=TODAY)] == [clause]


def test_after_its_last_day_it_is_closed(envelope: Envelope) -> None:
    assert clauses_broken(envelope, INSIDE, today=date(2026, 12, 31)) == ()
    assert [one.clause for one in clauses_broken(envelope, INSIDE, today=date(2027, 1, 1))] == ["expires"]


@given(st.sets(st.sampled_from(["a", "b", "c"]), min_size=1), st.sets(st.sampled_from(["a", "b", "c", "*"])))
def test_relations_are_a_subset_or_anything(got: set[str], allowed: set[str]) -> None:
    envelope = Envelope.model_validate(
        {
            "closed": False,
            "expires": TODAY,
            "allow": {"relations": tuple(sorted(allowed)), "sources": ("*",)},
            "limits": {"most_edits_a_batch": 2, "most_edits_a_night": 9},
            "fits": {"base_models": ("b" * 64,)},
        }
    )
    facts = replace(INSIDE, relations=frozenset(got))
    inside = not clauses_broken(envelope, facts, today=TODAY)
    assert inside == ("*" in allowed or got <= allowed)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("closed = 1", "closed"),
        ("close = false", "close"),
        ("[limits]\nmost_edits_a_batch = -1", "limits.most_edits_a_batch"),
        ('[fits]\nbase_models = ["abc"]', "fits.base_models"),
        ("expires = tomorrow", "expected TOML"),
    ],
)
def test_a_wrong_file_is_one_line_and_opens_nothing(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=says) as refused:
        read_envelope(tmp_path)
    assert "\n" not in str(refused.value).replace("\\n", "")


def sign(ledger: Ledger, root: Path, account: str, pin: str = "123456") -> EnvelopeStanding:
    """Sign the file as it stands."""
    file = read_envelope(root)
    assert file is not None
    return sign_envelope(ledger, file, account, reason="agreed in the P&T meeting", pin=pin)


def people(ledger: Ledger) -> None:
    """A reviewer and a release manager with a PIN."""
    for account, duties in (("rita", "reviewer"), ("rob", "reviewer"), ("mara", "release_manager")):
        enrol(ledger, account, duties)
    with ledger.write() as transaction:
        transaction.execute(tables.reviewers.update().values(pin_hash=hash_pin("123456")))


def test_two_people_sign_these_very_bytes_one_a_release_manager(ledger: Ledger, tmp_path: Path) -> None:
    people(ledger)
    written(tmp_path, OPEN)
    assert sign(ledger, tmp_path, "rita").state is EnvelopeState.PARTLY_SIGNED
    with pytest.raises(IllegalTransitionError, match="rita has signed it already"):
        sign(ledger, tmp_path, "rita")
    assert sign(ledger, tmp_path, "rob").state is EnvelopeState.PARTLY_SIGNED, "two reviewers, no release manager"
    with pytest.raises(WrongPinError):
        sign(ledger, tmp_path, "mara", pin="654321")
    with pytest.raises(IllegalTransitionError, match="cron"):
        sign(ledger, tmp_path, "cron")
    assert sign(ledger, tmp_path, "mara").holds
    written(tmp_path, OPEN.replace("most_edits_a_batch = 2", "most_edits_a_batch = 200"))
    file = read_envelope(tmp_path)
    assert file is not None
    with ledger.read() as connection:
        standing = standing_of(connection, file, signer_profile="two_signer", today=TODAY)
    assert standing.state is EnvelopeState.UNSIGNED


def test_the_night_promotes_inside_and_waits_outside(
    ledger: Ledger, passed_batch: Callable[..., str], tmp_path: Path
) -> None:
    people(ledger)
    first = passed_batch(make_candidate("corvandine"))
    assert not consider(tmp_path, ledger, first)
    assert acts.show_batch(ledger, first).batch.hold_reason == (
        "outside_envelope: file: expected envelope.toml in the site, got none"
    )
    written(tmp_path, OPEN.replace('[""]', '["*"]'))
    outside, _ = envelope_check(tmp_path, ledger, first)
    assert [one.clause for one in outside] == ["allow.sources", "signatures"]
    written(tmp_path, OPEN)
    sign(ledger, tmp_path, "rita")
    sign(ledger, tmp_path, "mara")
    outside, sha256 = envelope_check(tmp_path, ledger, first)
    assert outside == ()
    assert consider(tmp_path, ledger, first)
    require_inside(tmp_path, ledger, first, f"envelope:{sha256}")
    assert acts.show_batch(ledger, first).batch.standing_word == "passed"
    written(tmp_path, OPEN.replace("recommended_dose", "indicated_for"))
    with pytest.raises(
        IllegalTransitionError, match=r"not promoted by itself: envelope: allow\.relations: expected indic"
    ):
        require_inside(tmp_path, ledger, first, f"envelope:{sha256}")
    assert acts.show_batch(ledger, first).batch.standing_word == "waiting"
