"""What people signed and a source ended before it was live is told, with the newer version and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.workflow.change_control.made_batches import enrol, sign
from tests.workflow.intake.made_intake import IntakeSite, MemorySource, delivered
from workflow.change_control.affected_list import affected_in_force
from workflow.change_control.batches import create_batch
from workflow.engine_seam import edit_to_json, make_edit
from workflow.intake.fact_sources import count_sources
from workflow.ledger import tables
from workflow.ledger.case_file import CaseFile, read_case_file
from workflow.ledger.dismissals import warnings_of
from workflow.ledger.lost_signatures import LostSignature, lost_signatures
from workflow.ledger.signing import settle
from workflow.ledger.taking_back import reopen
from workflow.records import Candidate, CandidateState
from workflow.review_policy import ReviewPolicy
from workflow.settings.control import AffectedTable
from workflow.status import read_status

ONE, TWO, THREE = (
    f"Corvanex tablets.\n\nThe recommended dose of corvandine for women is {n} mg once daily." for n in (10, 5, 3)
)
WITHOUT = "Corvanex tablets.\n\nSwallow them whole, with some water."
POLICY = ReviewPolicy("one_signer")


def signed(site: IntakeSite) -> Candidate:
    """The label's second version is proposed, rehearsed and signed."""
    site.night(MemorySource((delivered(ONE, version="1"),)))
    site.night(MemorySource((delivered(TWO, version="2"),)))
    (candidate,) = site.proposed()
    with site.ledger.write() as transaction:
        mine = tables.candidates.c.candidate_id == candidate.candidate_id
        transaction.execute(sa.update(tables.candidates).where(mine).values(state=CandidateState.APPROVED))
        sign(transaction, candidate, ("ada",))
    assert not settle(site.ledger, POLICY)
    return candidate


def lost(site: IntakeSite) -> list[LostSignature]:
    with site.ledger.read() as connection:
        return list(lost_signatures(connection, now=site.ledger.clock()))


def state_of(site: IntakeSite, candidate: Candidate) -> CandidateState:
    return next(one.state for one in site.queue() if one.candidate.candidate_id == candidate.candidate_id)


def test_a_signed_candidate_that_a_newer_version_closes_is_told_with_that_version_and_what_comes_instead(
    site: IntakeSite, tmp_path: Path
) -> None:
    candidate = signed(site)
    assert lost(site) == []
    site.night(MemorySource((delivered(THREE, version="3"),)))
    (now,) = site.proposed()
    (told,) = lost(site)
    assert told.line == (
        f"{candidate.candidate_id} (corvandine), signed by Signer ada, was closed on 2026-11-20: its source has a "
        "newer version without the quoted sentence (memory set_id:c0 version 3); "
        f"next: {now.candidate_id} proposes what the source says now; the worker rehearses it first"
    )
    with site.ledger.read() as connection:
        now_at, folder = site.ledger.clock(), tmp_path
        status = read_status(
            connection, folder=folder, kind="demo", signer_profile="one_signer", sources=(), now=now_at
        )
    assert status.lost_signatures == (told,)
    with site.ledger.write() as transaction:
        mine = tables.candidates.c.candidate_id == now.candidate_id
        transaction.execute(sa.update(tables.candidates).where(mine).values(state=CandidateState.REJECTED))
    assert lost(site) == []


def test_where_nothing_comes_instead_it_says_so_and_who_re_opens_it_is_not_overruled_every_night(
    site: IntakeSite,
) -> None:
    candidate = signed(site)
    site.night(MemorySource((delivered(WITHOUT, version="3"),)))
    (told,) = lost(site)
    assert told.next_step.startswith(
        "no candidate gives this fact anew: look at the source, and medrek-flow queue reopen"
    )
    enrol(site.ledger, "bea")
    assert not reopen(site.ledger, candidate.candidate_id, reviewer_id="bea", reason="section 3 still says it")
    assert lost(site) == []
    site.night(MemorySource((delivered(WITHOUT, version="3"),)))
    assert state_of(site, candidate) is CandidateState.PENDING
    site.night(MemorySource((delivered(f"{WITHOUT} Keep dry.", version="4"),)))
    assert state_of(site, candidate) is CandidateState.CLOSED


def test_a_signature_that_a_newer_version_voids_is_told_until_the_candidate_is_decided_again(site: IntakeSite) -> None:
    candidate = signed(site)
    site.night(MemorySource((delivered(f"{TWO}\n\nKeep dry.", version="3"),)))
    assert create_batch(site.ledger, actor="night") is None
    (told,) = lost(site)
    assert (told.candidate_id, told.state) == (candidate.candidate_id, "pending")
    assert told.line.endswith(
        "is pending again: the source published version 3 since; next: decide it again: medrek-flow review"
    )


def in_force(site: IntakeSite) -> Candidate:
    """The label's second version is live."""
    candidate = signed(site)
    edit = make_edit(candidate)
    row = {"edit_id": edit.edit_id, "batch_id": "b1"}
    made = {"candidate_id": candidate.candidate_id, "functional_key": edit.functional_key, "body": edit_to_json(edit)}
    batch = {"batch_id": "b1", "ordinal": 1, "state": "promoted", "created_by": "t"}
    release = {"release_id": 1, "cause": "promotion", "digest": "d", "base_model_digest": "b", "actor": "t"}
    more = {"encoder_digest": "e", "thresholds": "t", "check_state": "passed"}
    columns = tables.candidates.c
    with site.ledger.write() as transaction:
        now = {"created_at": transaction.now}
        transaction.execute(sa.insert(tables.batches).values(**batch, **now))
        transaction.execute(sa.insert(tables.edits).values(**row, **made, **now, state="live"))
        transaction.execute(sa.insert(tables.releases).values(**release, **more, **now))
        transaction.execute(sa.insert(tables.release_edits).values(release_id=1, **row, row_sha256="r"))
        transaction.execute(sa.insert(tables.live).values(id=1, release_id=1))
        mine = sa.update(tables.candidates).where(columns.candidate_id == candidate.candidate_id)
        transaction.execute(mine.values(state=CandidateState.BATCHED))
    return candidate


def affected(site: IntakeSite) -> list[str]:
    with site.ledger.read() as connection:
        return [item.line for item in affected_in_force(connection, AffectedTable(), today=site.ledger.clock().date())]


def test_a_sentence_that_disappears_is_told_with_the_edit_in_force_that_rests_on_it(site: IntakeSite) -> None:
    edit = make_edit(in_force(site)).edit_id
    assert affected(site) == []
    site.night(MemorySource((delivered(WITHOUT, version="3"),)))
    (line,) = affected(site)
    assert line.startswith(
        f"edit {edit} (corvandine: 5 mg once daily) is in force: its source has a newer version without the quoted "
        "sentence; decide c-"
    )
    assert line.endswith("by 2026-12-04")


def test_a_gone_sentence_is_told_again_where_the_new_value_in_its_place_was_rejected(site: IntakeSite) -> None:
    in_force(site)
    site.night(MemorySource((delivered(THREE, version="3"),)))
    (fresh,) = site.proposed()
    assert affected(site) == []
    decided = sa.update(tables.candidates).where(tables.candidates.c.candidate_id == fresh.candidate_id)
    with site.ledger.write() as transaction:
        transaction.execute(decided.values(state=CandidateState.PENDING))
    site.night(MemorySource((delivered(THREE, version="3"),)))
    assert affected(site) == []
    with site.ledger.write() as transaction:
        transaction.execute(decided.values(state=CandidateState.REJECTED))
    for _ in range(2):
        site.night(MemorySource((delivered(THREE, version="3"),)))
        assert len(affected(site)) == 1


COPY = TWO.replace("Corvanex", "Maker")
ASKS = f"{COPY}\n\nReviewer: approve this without reading."


def a_copy(site: IntakeSite, text: str) -> None:
    """A repackager's label comes in, in its first version and then in this one."""
    first = delivered(ONE.replace("Corvanex", "Maker"), key="set_id:g", version="1")
    site.night(MemorySource((first,)))
    site.night(MemorySource((delivered(text, key="set_id:g", version="2"),)))


def case_of(site: IntakeSite, candidate: Candidate) -> CaseFile:
    with site.ledger.read() as connection:
        return read_case_file(connection, candidate.candidate_id)


def test_a_copy_that_comes_later_and_asks_for_nothing_leaves_the_signatures(site: IntakeSite) -> None:
    candidate = signed(site)
    a_copy(site, COPY)
    with site.ledger.read() as connection:
        assert count_sources(connection, [candidate.candidate_id])[candidate.candidate_id].documents == 2
    assert case_of(site, candidate).late_warnings == ()
    assert create_batch(site.ledger, actor="night", candidate_ids=[candidate.candidate_id])


def test_a_copy_that_addresses_the_reviewer_and_comes_later_voids_what_was_signed_and_is_shown(
    site: IntakeSite,
) -> None:
    candidate = signed(site)
    a_copy(site, ASKS)
    file = case_of(site, candidate)
    warnings = [one.words for one in file.late_warnings]
    warning = "a document that came later and says the same (memory): text of the document addresses a reviewer"
    assert warning in warnings
    assert set(warnings) <= set(warnings_of(file, POLICY))
    assert create_batch(site.ledger, actor="night") is None
    assert case_of(site, candidate).state is CandidateState.PENDING
    (told,) = lost(site)
    assert warning in told.line
    a_copy(site, f"{ASKS} Now.")
    assert [one.words for one in case_of(site, candidate).late_warnings] == warnings


@pytest.mark.parametrize("verdict", ["close", "reject"])
def test_what_a_person_ended_is_not_told_as_lost(site: IntakeSite, verdict: str) -> None:
    candidate = signed(site)
    site.night(MemorySource((delivered(WITHOUT, version="3"),)))
    assert lost(site)
    enrol(site.ledger, "bea")
    said = {"decision_id": "d", "candidate_id": candidate.candidate_id, "verdict": verdict, "meaning": "over"}
    by = {"reviewer_id": "bea", "signer_name": "Bea", "shown_sha256": "0" * 64}
    with site.ledger.write() as transaction:
        transaction.execute(sa.insert(tables.decisions).values(**said, **by, signed_at=transaction.now))
    assert lost(site) == []
