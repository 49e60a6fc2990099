"""What is counted: a lane that is right, one that makes up, turns round, leaves out; each number by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow.errors import UsageError
from workflow.extraction_bench.bounds import Counts, score
from workflow.extraction_bench.facts import ask
from workflow.extraction_bench.gold import Case, Item, whole
from workflow.extraction_bench.run import run_lane
from workflow.extraction_bench.scoring import Tally
from workflow.intake.extractor import DocumentChanges, Refused
from workflow.intake.llm_client import LlmUnusableError
from workflow.intake.rules import RulesExtractor
from workflow.records import Candidate, Certainty, ChangeKind, Evidence, Risk

NAMES = ("corvandine", "digoxin", "warfarin")


class ScriptedLane:
    """Says what it is told, with the sentence as its quote."""

    name = "scripted/1"

    def __init__(self, *said: tuple[str, str], certainty: Certainty = Certainty.DEFINITE, shift: int = 0) -> None:
        self._said, self._certainty, self._shift = said, certainty, shift

    def propose(self, document: DocumentChanges) -> Iterator[Candidate | Refused]:
        (change,) = document.changes
        for subject, said in self._said:
            yield Candidate(
                subject=subject,
                relation="interacts_with",
                object_new=said,
                question="",
                change_kind=ChangeKind.NEW,
                risk=Risk.HIGH,
                certainty=self._certainty,
                extractor=self.name,
                evidence=(
                    Evidence(
                        document_id=change.notice.document_id,
                        notice_id=change.notice.notice_id,
                        role="claim",
                        quote=change.sentence,
                        start=self._shift,
                        end=len(change.sentence) + self._shift,
                    ),
                ),
            )


class BrokenLane:
    name = "broken/1"

    def propose(self, document: DocumentChanges) -> Iterator[Candidate | Refused]:
        raise LlmUnusableError("the reply was cut off")


def case(text: str, *items: Item, empty: bool = False, document: str = "d1") -> Case:
    return Case(text, document, text, whole(text), items, NAMES, is_empty=empty, counts_pairs=True)


def tallied(lane: object, *cases: Case) -> Tally:
    tally = Tally()
    for one in cases:
        tally.add(one, ask(lane, one))  # type: ignore[arg-type]  # scripted lanes fit the protocol by shape
    return tally


def test_right_wrong_and_missed_pairs() -> None:
    text = "Corvandine should not be combined with digoxin or warfarin."
    annotated = case(text, Item("Corvandine", "digoxin", kind="advise"), Item("digoxin", "warfarin", kind="int"))
    tally = tallied(ScriptedLane(("corvandine", "digoxin or warfarin")), annotated)
    found, typed = tally.scores
    assert (found.right, found.wrong, found.missed) == (1, 1, 1)
    assert (typed.right, typed.wrong, typed.missed) == (1, 1, 1)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)


def test_a_fact_where_there_is_none_and_a_negation_turned() -> None:
    text = "Corvandine may be given with digoxin or warfarin together."
    denied = case(text, Item("corvandine", "digoxin", denied=True), empty=True)
    tally = tallied(ScriptedLane(("corvandine", "digoxin")), denied, case(text, empty=True, document="d2"))
    assert (tally.empty, tally.empty_with_fact) == (2, 2)
    assert (tally.denied, tally.flipped) == (1, 1)
    silent = tallied(ScriptedLane(), denied)
    assert (silent.empty_with_fact, silent.flipped) == (0, 0)


@pytest.mark.parametrize(("certainty", "inflated"), [(Certainty.DEFINITE, 1), (Certainty.POSSIBLE, 0)])
def test_hedges_and_qualifiers_that_get_lost(certainty: Certainty, inflated: int) -> None:
    text = "Corvandine is combined with digoxin in children."
    hedged = case(text, Item("corvandine", "digoxin", hedged=True, qualifiers={"population": "children"}))
    tally = tallied(ScriptedLane(("corvandine", "digoxin"), certainty=certainty), hedged)
    assert (tally.hedged, tally.hedged_found, tally.inflated) == (1, 1, inflated)
    assert (tally.qualifiers, tally.qualifiers_lost) == (1, 1)


def test_a_quote_that_does_not_stand_is_counted_before_the_wall_and_gone_after_it() -> None:
    text = "Corvandine should not be combined with digoxin."
    tally = tallied(ScriptedLane(("corvandine", "digoxin"), shift=3), case(text, Item("corvandine", "digoxin")))
    assert (tally.facts, tally.grounded_before, tally.standing) == (1, 0, 0)
    assert sum(tally.refused.values()) == 1


def test_a_lane_without_a_usable_reply_is_invalid_and_a_run_of_them_ends() -> None:
    text = "Corvandine should not be combined with digoxin."
    assert tallied(BrokenLane(), case(text)).valid == 0
    with pytest.raises(UsageError, match="the reply was cut off"):
        run_lane(BrokenLane(), [case(text)] * 3, tell=lambda *_: None)


def test_the_interval_is_drawn_over_documents_and_always_the_same() -> None:
    counts = [Counts(f"d{number}", 1, number % 2, 0) for number in range(30)]
    one, again = score("pairs", counts, draws=200), score("pairs", counts, draws=200)
    assert (one.low, one.high) == (again.low, again.high)
    assert one.low < one.f1 < one.high
    clustered = score("pairs", [Counts(f"d{n // 10}", 1, n % 2, n // 20) for n in range(30)], draws=200)
    assert clustered.high - clustered.low >= 0
    empty = score("pairs", [])
    assert (empty.f1, empty.low, empty.high) == (0.0, 0.0, 1.0)


def test_the_rules_run_over_a_set_and_every_fact_is_kept(tmp_path: Path) -> None:
    cases = [
        case("Corvandine increases plasma levels of digoxin.", Item("corvandine", "digoxin", kind="mechanism")),
        case("Corvandine did not affect warfarin.", Item("corvandine", "warfarin", denied=True), empty=True),
    ]
    ran = run_lane(RulesExtractor(), cases, out=tmp_path, tell=lambda *_: None)
    assert ran.tally.scores[0].f1 == 1.0
    assert (ran.tally.flipped, ran.tally.empty_with_fact) == (0, 0)
    assert ran.tally.grounded_after == ran.tally.standing == 1
    assert len((tmp_path / "facts.jsonl").read_text().splitlines()) == 2


def test_a_run_over_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="at least one case"):
        run_lane(RulesExtractor(), [], tell=lambda *_: None)
