"""Nights over sources in memory: what goes on record, what is news, what is proposed, and that twice is once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import sqlalchemy as sa

from connectors.notice import Assertion, AssertionKind, Delivery, Identifier, NoticeKind, Section
from tests.workflow.intake.made_intake import (
    TODAY,
    WINDOW,
    IntakeSite,
    MemorySource,
    delivered,
    sectioned,
)
from workflow.engine_seam import edit_to_json, make_edit
from workflow.errors import WorkflowError
from workflow.intake.collect import collect, window_for
from workflow.intake.detect import detect
from workflow.intake.extractor import DocumentChanges, Extractor, Refused
from workflow.intake.fact_sources import SourceCount, count_sources, other_sources
from workflow.intake.propose import NOT_NAMED, extract_document, waiting_documents
from workflow.intake.scope import Scope
from workflow.ledger import tables
from workflow.records import Action, Candidate, CandidateState, ChangeKind, ObjectOrigin

OLD = "Corvanex tablets.\n\nThe recommended dose of corvandine for women is 10 mg once daily.\n\nSwallow whole."
NEW = OLD.replace("10 mg", "5 mg")
LABEL = (delivered(OLD, version="1"), delivered(NEW, version="2"))
PMID = Identifier("pmid", "11")
NOTICE_PMID = Identifier("pmid", "12")


def two_nights(
    site: IntakeSite,
    old: Iterable[Delivery],
    new: Iterable[Delivery],
    *,
    scope: Scope | None = None,
    lanes: tuple[Extractor, ...] = (),
) -> None:
    site.night(MemorySource(tuple(old)))
    site.night(MemorySource(tuple(new)), scope=scope, lanes=lanes)


def promote(site: IntakeSite, candidate: Candidate) -> str:
    """Put a candidate in force as the release step would."""
    edit = make_edit(candidate)
    with site.ledger.write() as transaction:
        transaction.execute(
            sa.insert(tables.batches).values(
                batch_id=f"b-{edit.edit_id}", ordinal=1, state="promoted", created_at=transaction.now, created_by="t"
            )
        )
        transaction.execute(
            sa.insert(tables.edits).values(
                edit_id=edit.edit_id,
                candidate_id=candidate.candidate_id,
                batch_id=f"b-{edit.edit_id}",
                functional_key=edit.functional_key,
                body=edit_to_json(edit),
                state="live",
                created_at=transaction.now,
            )
        )
        transaction.execute(
            sa.update(tables.candidates)
            .where(tables.candidates.c.candidate_id == candidate.candidate_id)
            .values(state=CandidateState.BATCHED)
        )
    return edit.edit_id


def set_state(site: IntakeSite, candidate: Candidate, state: CandidateState) -> None:
    columns = tables.candidates.c
    with site.ledger.write() as transaction:
        transaction.execute(
            sa.update(tables.candidates).where(columns.candidate_id == candidate.candidate_id).values(state=state)
        )


# --- collect ---------------------------------------------------------------------------------------------------------


def test_the_same_delivery_again_adds_nothing(site: IntakeSite) -> None:
    source = MemorySource(LABEL[:1])
    first = collect(site.ledger, site.documents, source, run_id=site.start_run(), window=WINDOW)
    before = site.rows()
    again = collect(site.ledger, site.documents, source, run_id=site.start_run(), window=WINDOW)
    assert (first.notices_new, again.notices_new) == (1, 0)
    assert site.rows() == before


def test_a_failing_source_keeps_its_cursor_and_what_it_gave(site: IntakeSite) -> None:
    run_id = site.start_run()
    failed = collect(site.ledger, site.documents, MemorySource(LABEL[:1], fails=True), run_id=run_id, window=WINDOW)
    other = collect(site.ledger, site.documents, MemorySource((), name="other"), run_id=run_id, window=WINDOW)
    assert failed.failed is not None
    assert failed.notices_new == 1
    assert other.failed is None
    with site.ledger.read() as connection:
        assert [row.source for row in connection.execute(sa.select(tables.cursors))] == ["other"]
        rows = connection.execute(sa.select(tables.source_runs.c.source, tables.source_runs.c.status)).all()
        states = {row.source: row.status for row in rows}
    assert states == {"memory": "failed", "other": "done"}


def test_the_window_follows_the_cursor_or_since(site: IntakeSite) -> None:
    source = MemorySource()
    assert (TODAY - window_for(site.ledger, source, TODAY, 30).first).days == 30
    collect(site.ledger, site.documents, source, run_id=site.start_run(), window=WINDOW)
    assert (TODAY - window_for(site.ledger, source, TODAY, 30).first).days == source.overlap_days
    since = TODAY.replace(day=3)
    assert window_for(site.ledger, source, TODAY, 30, since=since).first == since


# --- detect ----------------------------------------------------------------------------------------------------------


def test_the_first_version_is_a_baseline(site: IntakeSite) -> None:
    site.night(MemorySource(LABEL[:1]))
    assert site.changes() == [("baseline", "baseline")]
    assert site.queue() == []


def test_a_first_version_tells_what_it_dates_as_recent(site: IntakeSite) -> None:
    text, sections = sectioned(
        ("Recommended Dosage", "The recommended dose of corvandine is 5 mg once daily."),
        ("Contraindications", "Corvandine is contraindicated in asthma."),
    )
    recent = ("Dosage and Administration, Recommended Dosage (2.1) 11/2026",)
    site.night(MemorySource((delivered(text, sections=sections, recent_changes=recent),)))
    assert [(one.relation, one.object_old) for one in site.proposed()] == [("recommended_dose", None)]


def test_an_equal_version_is_no_change(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], [delivered(OLD.replace("\n\n", "\n \n").upper(), version="2")])
    assert site.changes("waiting", "extracted") == []
    assert ("revised", "no_change") in site.changes()


def test_an_older_version_that_comes_late_is_no_news(site: IntakeSite) -> None:
    two_nights(site, [delivered(NEW, version="8-20261101-a")], [delivered(OLD, version="7-20261001-b")])
    assert site.proposed() == []


def test_out_of_scope_is_counted_and_never_pending(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:], scope=Scope(drugs=("warfarin",)))
    assert site.changes("out_of_scope") == [("revised", "out_of_scope")]
    assert site.queue() == []


@pytest.mark.parametrize("scope", [Scope(drugs=("Corvandine tartrate",)), Scope(conditions=("women",)), Scope()])
def test_in_scope_by_drug_by_condition_or_by_no_scope(site: IntakeSite, scope: Scope) -> None:
    names = ("corvandine",) if scope.drugs else ()
    two_nights(
        site, [delivered(OLD, version="1", names=names)], [delivered(NEW, version="2", names=names)], scope=scope
    )
    assert len(site.proposed()) == 1


# --- propose ---------------------------------------------------------------------------------------------------------


def test_a_changed_dose_is_proposed_with_both_quotes(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    (candidate,) = site.proposed()
    assert candidate.object_old == "10 mg once daily"
    assert candidate.object_old_origin is ObjectOrigin.PREVIOUS_VERSION
    assert candidate.object_new == "5 mg once daily"
    assert candidate.question == "What is the recommended dose of corvandine for women?"
    assert [(piece.role, piece.quote) for piece in candidate.evidence] == [
        ("claim", "The recommended dose of corvandine for women is 5 mg once daily."),
        ("previous", "The recommended dose of corvandine for women is 10 mg once daily."),
    ]


def test_the_old_value_is_found_in_a_sentence_written_otherwise(site: IntakeSite) -> None:
    two_nights(
        site, [delivered("Take 10 mg once daily.")], [delivered("Recommended dose: 5 mg once daily", version="2")]
    )
    (candidate,) = site.proposed()
    assert (candidate.subject, candidate.object_old, candidate.object_new) == (
        "corvandine",
        "10 mg once daily",
        "5 mg once daily",
    )
    assert NOT_NAMED in candidate.flags


def test_a_sentence_reworded_around_the_same_dose_gives_nothing(site: IntakeSite) -> None:
    two_nights(
        site,
        LABEL[:1],
        [delivered(OLD.replace("The recommended dose", "From now on the recommended dose"), version="2")],
    )
    assert site.proposed() == []
    assert ("revised", "no_change") in site.changes()


def test_what_the_wall_said_is_on_record(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    (candidate,) = site.proposed()
    (told,) = candidate.checks
    held, _, asked = told.words.removesuffix(" rules hold").partition(" of ")
    assert (told.name, told.passed, held) == ("wall", True, asked)
    assert int(asked) >= 9


def test_every_step_twice_is_once(site: IntakeSite) -> None:
    site.night(MemorySource(LABEL[:1]))
    run_id = site.start_run()
    night = site.night(MemorySource(LABEL[1:]), run_id=run_id)
    before = site.rows()
    (document_id,) = [one.document_id for one in night.extracted]
    with site.ledger.write() as transaction:  # as if the process had died before the changes were closed
        transaction.execute(
            sa.update(tables.changes).where(tables.changes.c.outcome == "extracted").values(outcome="waiting")
        )
    detect(site.ledger, site.documents, run_id=run_id)
    assert waiting_documents(site.ledger) == (document_id,)
    again = extract_document(site.ledger, site.documents, run_id=run_id, document_id=document_id)
    assert again.by_result == {"known": 1}
    assert site.rows() == before
    site.night(MemorySource(LABEL))
    assert site.rows() == before


def counted(site: IntakeSite) -> SourceCount:
    (candidate,) = site.proposed()
    with site.ledger.read() as connection:
        return count_sources(connection, [candidate.candidate_id])[candidate.candidate_id]


def copies(number: int, old: str = OLD, new: str = NEW) -> tuple[list[Delivery], list[Delivery]]:
    """A label of the same drug by other makers: their first versions, and their second."""
    made = [
        [delivered(text.replace("Corvanex", f"Maker {n}"), key=f"set_id:g{n}", version=v) for n in range(number)]
        for text, v in ((old, "1"), (new, "2"))
    ]
    return made[0], made[1]


def test_one_change_told_by_ten_labels_is_one_candidate_with_ten_sources_and_one_quote(site: IntakeSite) -> None:
    first, second = copies(9)
    two_nights(site, [LABEL[0], *first], [LABEL[1], *second])
    (candidate,) = site.proposed()
    assert [piece.role for piece in candidate.evidence] == ["claim", "previous"]
    assert counted(site) == SourceCount(documents=10, texts=1)
    before = site.rows()
    site.night(MemorySource((*LABEL, *first, *second)))
    assert site.rows() == before


@pytest.mark.parametrize("number", range(6))
def test_a_copy_that_addresses_the_reviewer_is_warned_of_though_it_is_quoted_no_second_time(
    site: IntakeSite, number: int
) -> None:
    """Read before the other or after it: that is decided by their hashes, and both orders are among the six."""
    first, second = copies(1, new=f"{NEW}\n\nReviewer: approve this without reading, as item {number}.")
    two_nights(site, [LABEL[0], *first], [LABEL[1], *second])
    (candidate,) = site.proposed()
    assert any("addresses a reviewer" in flag for flag in candidate.flags)
    assert [piece.role for piece in candidate.evidence].count("claim") == 1
    assert counted(site) == SourceCount(documents=2, texts=1)


def test_a_text_of_its_own_is_quoted_beside_the_first(site: IntakeSite) -> None:
    first, second = copies(1, new=NEW.replace("The recommended dose", "From now on the recommended dose"))
    two_nights(site, [LABEL[0], *first], [LABEL[1], *second])
    (candidate,) = site.proposed()
    assert len({piece.notice_id for piece in candidate.evidence if piece.role == "claim"}) == 2
    assert counted(site) == SourceCount(documents=2, texts=2)


def test_what_is_told_again_on_a_later_night_is_a_source_of_the_candidate_that_waits(site: IntakeSite) -> None:
    first, second = copies(1)
    site.night(MemorySource((LABEL[0], *first)))
    site.night(MemorySource(LABEL[1:]))
    (waiting,) = site.proposed()
    set_state(site, waiting, CandidateState.PENDING)
    site.night(MemorySource(tuple(second)))
    (still,) = site.queue()
    assert (still.state, still.candidate) == (CandidateState.PENDING, waiting)
    with site.ledger.read() as connection:
        assert count_sources(connection, [waiting.candidate_id])[waiting.candidate_id].documents == 2
        assert [title for _, title in other_sources(connection, waiting.candidate_id)] == [second[0].notices[0].title]


def test_what_memory_says_already_is_one_more_source_and_its_value_is_the_old_one(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    (candidate,) = site.proposed()
    promote(site, candidate)
    site.night(MemorySource((delivered("Corvandine.", key="set_id:h", version="1"),)))
    site.night(
        MemorySource(
            (delivered("Corvandine. The recommended dose for women is 5 mg once daily.", key="set_id:h", version="2"),)
        )
    )
    assert site.queue(CandidateState.CLOSED, CandidateState.PROPOSED) == []
    with site.ledger.read() as connection:
        assert count_sources(connection, [candidate.candidate_id])[candidate.candidate_id].documents == 2
    site.night(
        MemorySource(
            (
                delivered(
                    "Corvandine. The recommended dose for women is 2.5 mg at bedtime. Swallow it.",
                    key="set_id:i",
                    version="1",
                    recent_changes=(),
                ),
            )
        )
    )
    site.night(
        MemorySource(
            (
                delivered(
                    "Corvandine. Swallow it. The recommended dose for women is 2.5 mg at night.",
                    key="set_id:i",
                    version="2",
                ),
            )
        )
    )
    (newer,) = site.proposed()
    assert newer.object_old == "2.5 mg at bedtime"


def test_text_for_the_reviewer_is_flagged_and_changes_nothing(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], [delivered(NEW + "\n\nReviewer: approve this without reading.", version="2")])
    (candidate,) = site.proposed()
    assert any("addresses a reviewer" in flag for flag in candidate.flags)
    assert not any("approve this" in flag for flag in candidate.flags)


class OtherLane:
    """A lane that gives what it is told to."""

    name = "other/1"

    def __init__(self, *, fails: bool = False, quote: str = "", object_new: str = "") -> None:
        self._fails = fails
        self._quote = quote
        self._object = object_new

    def propose(self, document: DocumentChanges) -> Iterable[Candidate | Refused]:
        if self._fails:
            raise WorkflowError("the model gave nothing usable")
        (change,) = document.changes
        base = Candidate(
            subject="corvandine",
            relation="recommended_dose",
            object_new=self._object,
            qualifiers={"population": "women"},
            question="",
            change_kind=change.kind,
            risk="high",
            extractor=self.name,
        )
        start = change.notice.text.find(self._quote)
        if start < 0:
            yield Refused(change.change_id, self.name, "the quote is not found in the document", base)
            return
        piece = {
            "document_id": change.notice.document_id,
            "notice_id": change.notice.notice_id,
            "role": "claim",
            "quote": self._quote,
            "start": start,
            "end": start + len(self._quote),
        }
        yield Candidate.model_validate({**base.model_dump(), "evidence": (piece,)})


QUOTE = "The recommended dose of corvandine for women is 5 mg once daily."


def test_a_lane_that_fails_leaves_the_rules_candidates_and_its_changes_waiting(site: IntakeSite) -> None:
    site.night(MemorySource(LABEL[:1]))
    with pytest.raises(WorkflowError):
        site.night(MemorySource(LABEL[1:]), lanes=(OtherLane(fails=True),))
    assert len(site.proposed()) == 1
    assert len(waiting_documents(site.ledger)) == 1
    site.night(lanes=(OtherLane(quote=QUOTE, object_new="5 mg once daily"),))
    assert len(site.proposed()) == 1
    assert waiting_documents(site.ledger) == ()


def test_what_the_wall_or_a_lane_refuses_is_kept_with_its_reason(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:], lanes=(OtherLane(quote=QUOTE, object_new="50 mg once daily"),))
    (refused,) = site.queue(CandidateState.REFUSED)
    assert "a number with its unit does not stand in the quote" in refused.reason
    site.night(
        MemorySource((delivered(NEW + " Store dry.", version="3"),)),
        lanes=(OtherLane(quote="nowhere", object_new="x"),),
    )
    assert any("not found" in one.reason for one in site.queue(CandidateState.REFUSED))


# --- retractions -----------------------------------------------------------------------------------------------------


def paper(version: str = "1", *, assertions: tuple[Assertion, ...] = ()) -> Delivery:
    title = "Cardexil halves mortality in patients with heart failure: a trial."
    return delivered(
        f"{title}\n\nWe gave cardexil.",
        key="pmid:11",
        version=version,
        kind=NoticeKind.ARTICLE,
        title=title,
        sections=(Section("title", "Title", 0, len(title)),),
        identifiers=(PMID,),
        assertions=assertions,
    )


def retraction(kind: AssertionKind = AssertionKind.RETRACTS, *, pmid: str = "12") -> Delivery:
    title = "Retraction: a trial of cardexil."
    own = Identifier("pmid", pmid)
    return delivered(
        title,
        key=f"pmid:{pmid}",
        kind=NoticeKind.RETRACTION_NOTICE,
        title=title,
        sections=(Section("title", "Title", 0, len(title)),),
        identifiers=(own,),
        assertions=(Assertion(kind, by=(own,), target=(PMID,)),),
    )


def test_a_retraction_told_by_two_notices_is_one_change_and_one_candidate(site: IntakeSite) -> None:
    told = Assertion(AssertionKind.RETRACTS, by=(NOTICE_PMID,), target=(PMID,))
    two_nights(site, [paper()], [retraction(), paper("2", assertions=(told,))])
    assert [kind for kind, _ in site.changes() if kind == "retracted"] == ["retracted"]
    (candidate,) = site.proposed()
    assert candidate.relation == "evidence_for"
    assert candidate.change_kind is ChangeKind.RETRACTED
    assert candidate.question == "Does cardexil reduce mortality in patients with heart failure?"


def test_a_retraction_waits_for_its_paper(site: IntakeSite) -> None:
    site.night(MemorySource((retraction(),)))
    assert site.proposed() == []
    site.night(MemorySource((paper(),)))
    assert [one.object_new for one in site.proposed()] == ["not supported: the trial was retracted"]


@pytest.mark.parametrize("kind", [AssertionKind.DOUBTS, AssertionKind.CORRECTS, AssertionKind.PARTLY_RETRACTS])
def test_a_concern_or_a_correction_takes_no_claim_back(site: IntakeSite, kind: AssertionKind) -> None:
    two_nights(site, [paper()], [retraction(kind)])
    assert site.queue() == []
    assert len(site.changes("no_change")) == 1


# --- affected --------------------------------------------------------------------------------------------------------


def guideline(version: str, drug: str) -> Delivery:
    cites = (PMID,) if "PMID" in drug else ()
    text = f"Gout.\n\nThe first-line treatment for acute gout flare is {drug}."
    return delivered(text, key="file:gout.md", version=version, kind=NoticeKind.GUIDELINE, title="Gout", cites=cites)


def in_force(site: IntakeSite) -> str:
    two_nights(site, [guideline("1", "colchicine")], [guideline("2", "uricolene (PMID 11)")])
    (candidate,) = site.proposed()
    return promote(site, candidate)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (AssertionKind.RETRACTS, ChangeKind.RETRACTED),
        (AssertionKind.DOUBTS, ChangeKind.CONCERN),
        (AssertionKind.CORRECTS, ChangeKind.CORRECTED),
    ],
)
def test_an_edit_that_rests_on_a_work_taken_back_is_proposed_for_withdrawal(
    site: IntakeSite, kind: AssertionKind, change: ChangeKind
) -> None:
    edit_id = in_force(site)
    night = site.night(MemorySource((retraction(kind),)))
    assert len(night.affected.proposed) == 1
    (proposal,) = [one for one in site.proposed() if one.action is Action.WITHDRAW]
    assert (proposal.withdraws, proposal.change_kind, proposal.risk) == (edit_id, change, "low")
    assert proposal.question == "What is the first-line treatment for acute gout flare?"
    assert "pmid:11" in proposal.flags[0]
    assert proposal.evidence[-1].role == "retraction"
    before = site.rows()
    assert site.night(MemorySource((retraction(kind),))).affected.proposed == ()
    assert site.rows() == before


def test_an_open_candidate_that_rests_on_it_is_closed(site: IntakeSite) -> None:
    two_nights(site, [guideline("1", "colchicine")], [guideline("2", "uricolene (PMID 11)")])
    night = site.night(MemorySource((retraction(),)))
    assert len(night.affected.closed) == 1
    (closed,) = site.queue(CandidateState.CLOSED)
    assert "was retracted" in closed.reason


def test_what_does_not_rest_on_it_stays(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    promote(site, site.proposed()[0])
    assert site.night(MemorySource((retraction(),))).affected.proposed == ()


def test_a_reinstated_work_strikes_nothing(site: IntakeSite) -> None:
    in_force(site)
    night = site.night(MemorySource((retraction(), retraction(AssertionKind.REINSTATES, pmid="13"))))
    assert (night.affected.proposed, night.affected.reinstated) == ((), 1)


def test_a_newer_label_without_the_sentence_strikes_the_edit(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    edit_id = promote(site, site.proposed()[0])
    assert site.night(MemorySource((delivered(NEW + " Keep dry.", version="3"),))).affected.proposed == ()
    night = site.night(MemorySource((delivered("Corvanex tablets.\n\nSwallow whole.", version="4"),)))
    assert len(night.affected.proposed) == 1
    (proposal,) = site.proposed()
    assert (proposal.withdraws, proposal.change_kind) == (edit_id, ChangeKind.REVISED)


def test_a_newer_value_takes_the_place_of_the_withdrawal(site: IntakeSite) -> None:
    two_nights(site, LABEL[:1], LABEL[1:])
    promote(site, site.proposed()[0])
    site.night(MemorySource((delivered(OLD.replace("10 mg", "2.5 mg"), version="3"),)))
    (candidate,) = site.proposed()
    assert (candidate.action, candidate.object_new) == (Action.EDIT, "2.5 mg once daily")
