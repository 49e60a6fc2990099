"""The retrieval benchmark on made-up facts: what is asked, what counts, what is set apart, and what is left behind."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editor_engine.benchmarks.asked import Asked, by_slot, memories, questions_of
from editor_engine.benchmarks.key_geometry import overlap_share, two_axes
from editor_engine.benchmarks.retrieval import Plan, by_kind, measure
from editor_engine.benchmarks.retrieval_files import to_json, to_markdown, write_results
from editor_engine.benchmarks.retrieval_scores import CurvePoint, Outcome, Share, Tally, best_level, outcome_of, score
from editor_engine.benchmarks.retrievers import Decide, Decision, EngineRetriever, ExactMatch, TfIdf
from editor_engine.benchmarks.robustness import variations
from editor_engine.benchmarks.run_journal import RunJournal
from editor_engine.datasets.near_duplicates import Duplicate, find_duplicates
from editor_engine.datasets.records import EditRecord, Locality
from editor_engine.edit import Edit
from editor_engine.errors import EngineError
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds

NAMES = ("belorant", "cadimox", "ferulisan", "gorvatide", "hystalin", "jomerole")


def record(number: int, name: str, *, locality: str | None = None) -> EditRecord:
    return EditRecord(
        record_id=f"r{number}",
        question=f"What is the recommended dose of {name}?",
        target_new=f"{number + 2} mg",
        rephrases=(f"How much {name} is recommended?",),
        localities=(Locality("Loc", locality or f"Which company makes {name}?", "Acme"),),
        ground_truth="1 mg",
        subject=name,
    )


@pytest.fixture(scope="module")
def records() -> list[EditRecord]:
    return [record(number, name) for number, name in enumerate(NAMES)]


@pytest.fixture(scope="module")
def engine() -> EngineRetriever:
    return EngineRetriever(TextEncoder.load(), Thresholds(), swept="relation")


def test_memories_hold_every_record_once_and_repeat_by_seed(records: list[EditRecord]) -> None:
    cut = list(memories(records, 4, seed=1))
    assert [len(one) for one in cut] == [4, 2]
    assert Counter(one.record_id for memory in cut for one in memory) == Counter(one.record_id for one in records)
    assert cut == list(memories(records, 4, seed=1))
    assert cut != list(memories(records, 4, seed=2))
    assert [len(one) for one in memories(records, None, seed=1)] == [6]


def test_a_question_is_set_apart_only_while_the_other_edit_is_in_memory(records: list[EditRecord]) -> None:
    listed = by_slot([Duplicate("r0", "Loc", "r1", "same_question"), Duplicate("r0", "question", "r2", "same_answer")])
    apart = {(one.record_id, one.kind): one.apart for one in questions_of(records[:2], listed)}
    assert apart == {
        ("r0", "question"): False,
        ("r0", "rephrase"): False,
        ("r0", "Loc"): True,
        ("r1", "question"): False,
        ("r1", "rephrase"): False,
        ("r1", "Loc"): False,
    }
    whole = {(one.record_id, one.kind): one.apart for one in questions_of(records[:3], listed)}
    assert whole["r0", "rephrase"] is True


@pytest.mark.parametrize(
    ("expected", "fired", "outcome"),
    [
        ("a", "a", Outcome.RIGHT),
        ("a", "b", Outcome.WRONG),
        ("a", None, Outcome.MISSED),
        (None, None, Outcome.QUIET),
        (None, "a", Outcome.FALSE),
    ],
)
def test_outcomes(expected: str | None, fired: str | None, outcome: Outcome) -> None:
    assert outcome_of(Asked("r", "k", "?", expected, False), fired) is outcome


def test_shares_leave_out_what_is_set_apart_and_the_second_ones_do_not() -> None:
    asked = [Asked("r", "Loc", "?", None, apart) for apart in (False, False, False, True)]
    tally = Tally()
    tally.add(score(asked, [Decision(one, 0, 0) for one in (None, None, "x", "x")]))
    (line,) = tally.lines()
    assert (line.false, line.false_with_apart, line.apart) == (Share(1, 3), Share(2, 4), 1)


def test_a_limit_is_chosen_by_right_edits_within_the_false_fires_allowed() -> None:
    points = [
        CurvePoint(level, Share(right, 100), Share(0, 100), Share(false, 100))
        for level, right, false in ((0.1, 90, 9), (0.2, 70, 1), (0.3, 60, 0))
    ]
    assert best_level(points, most_false=0.01) == 0.2
    assert best_level(points[:1], most_false=0.01) == 0.1


def test_trivial_retrievers(records: list[EditRecord]) -> None:
    edits = [one.edit() for one in records]
    asked = ["what is the recommended dose of CADIMOX", "How much cadimox is recommended?", "Why is the sky blue?"]
    exact = ExactMatch().prepare(edits, asked)(0.0)
    assert [one.edit_id for one in exact] == ["r1", None, None]
    decide = TfIdf([one.question for one in records]).prepare(edits, asked)
    assert [one.best_id for one in decide(0.5)][:2] == ["r1", "r1"]
    assert [one.edit_id for one in decide(0.99)] == ["r1", None, None]
    scores = [one.score for one in decide(0.0)]
    assert scores[0] == pytest.approx(1.0, abs=1e-5)
    assert 0 < scores[2] < scores[1] < 1


def test_tf_idf_is_the_cosine_of_weighted_counts() -> None:
    retriever = TfIdf(["a b", "a c"])
    edit = replace(record(0, "x").edit(), question="a b")
    (found,) = retriever.prepare([edit], ["a c"])(0.0)
    common, rare = 1.0, float(torch.log(torch.tensor(3 / 2)) + 1)
    assert found.score == pytest.approx(common**2 / (common**2 + rare**2), rel=1e-5)


def test_the_engine_is_measured_by_its_own_decision(records: list[EditRecord], engine: EngineRetriever) -> None:
    edits = [one.edit() for one in records]
    asked = [edits[0].question, "What is the recommended dose of zolpinex?"]
    decide = engine.prepare(edits, asked)
    assert [one.edit_id for one in decide(engine.level)] == ["r0", None]
    assert [one.edit_id for one in decide(1.01)] == [None, None]
    with pytest.raises(EngineError, match="expected one of margin, relation, unnamed, verifier"):
        EngineRetriever(engine.encoder, Thresholds(), swept="subject_must_be_named")


def test_one_run_leaves_tables_figures_and_every_raw_result(
    tmp_path: Path, records: list[EditRecord], engine: EngineRetriever
) -> None:
    clashing = [*records, record(9, "krelsamide", locality=records[0].question)]
    plan = Plan(sizes=(1, None), curve_sizes=(None,), levels=(0.5, 0.9), variations=variations({"cadimox": ("Xelor",)}))
    listed = by_slot(find_duplicates(clashing))
    trivial = (TfIdf([one.question for one in clashing]), ExactMatch())
    with RunJournal(tmp_path, {}, resume=False) as journal:
        measured = measure(clashing, engine, listed, plan, beside=trivial, journal=journal)
    written = write_results(tmp_path, measured, {"data": "made up"})
    assert all(path.stat().st_size > 100 for path in written if path.suffix == ".png")
    assert {path.name for path in written} >= {"report.md", "table.csv", "curve.png", "keys.png", "similarities.png"}
    blocks = {(one.retriever, one.size, one.variation): by_kind(one) for one in measured.blocks}
    whole = blocks["engine", None, ""]
    assert whole["question"].right == Share(7, 7)
    assert (whole["Loc"].apart, whole["Loc"].false.n) == (1, 6)
    assert whole["Loc"].false_with_apart.hits >= 1
    assert blocks["engine", None, "other name, known to the edit"]["question"].right == Share(1, 1)
    assert blocks["engine", None, "other name, unknown to the edit"]["question"].missed == Share(1, 1)
    assert json.loads(json.dumps(to_json(measured, {"data": "made up"})))["key_overlap"].keys() == {"1", "all 7"}
    lines = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines()]
    asked_as_published = [one for one in lines if one["retriever"] == "engine" and one["variation"] is None]
    assert len(asked_as_published) == 2 * 3 * len(clashing)
    with (tmp_path / "curve.csv").open() as file:
        curve = [row for row in csv.DictReader(file) if row["retriever"] == "engine"]
    assert float(curve[0]["right"]) >= float(curve[1]["right"])
    told = to_markdown(measured, {})
    wanted = ("Threshold curve", "Margins", "Figure 2c", "Figure 5c", "less that to the prototype", "over that to the")
    assert all(title in told for title in wanted)
    deaf = ForbiddenEngine(engine)
    with RunJournal(tmp_path, {}, resume=True) as journal:
        again = measure(clashing, deaf, listed, plan, beside=trivial, journal=journal)
    assert (again.blocks, again.curves) == (measured.blocks, measured.curves)
    assert [kind for kind, _ in again.margins] == [kind for kind, _ in measured.margins]


class ForbiddenEngine(EngineRetriever):
    """An engine that may be looked at, but decides nothing any more."""

    def __init__(self, like: EngineRetriever) -> None:
        super().__init__(like.encoder, like.thresholds, swept=like.level_name, name=like.name)

    def prepare(self, edits: Sequence[Edit], questions: Sequence[str]) -> Decide:
        raise AssertionError("asked again what a run before this one had measured")


def test_asking_fewer_records_otherwise_leaves_the_memory_whole(
    tmp_path: Path, records: list[EditRecord], engine: EngineRetriever
) -> None:
    framed = [one for one in variations() if "framed" in one.name]
    plan = Plan(sizes=(None,), curve_sizes=(), variations=framed, variation_records=2)
    with RunJournal(tmp_path, {}, resume=False) as journal:
        measure(records, engine, {}, plan, journal=journal)
    kept = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines()]
    assert {one["memory"] for one in kept} == {len(records)}
    assert len({one["record_id"] for one in kept if one["variation"]}) == 2
    assert len({one["record_id"] for one in kept if not one["variation"]}) == len(records)


def test_a_variation_that_applies_to_no_question_is_named_and_has_no_row(
    records: list[EditRecord], engine: EngineRetriever
) -> None:
    nameless = [replace(one, subject=None) for one in records]
    misspelt = [one for one in variations() if one.name in ("subject misspelt", "unseen templates: framed")]
    measured = measure(nameless, engine, {}, Plan(sizes=(None,), curve_sizes=(), variations=misspelt))
    told = to_markdown(measured, {})
    assert "Not applicable to this data, which names no subject that could vary: subject misspelt." in told
    assert "engine (unseen templates: framed)" in told
    assert "engine (subject misspelt)" not in told


def test_a_verifier_is_asked_about_a_pair_once(records: list[EditRecord], engine: EngineRetriever) -> None:
    class Counting:
        """Agrees to all, and counts."""

        pairs = 0

        def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
            self.pairs += len(pairs)
            return [True] * len(pairs)

    counting = Counting()
    verified = EngineRetriever(engine.encoder, Thresholds(), verifier=counting)
    edits = [one.edit() for one in records]
    asked = [edit.question for edit in edits]
    decide = verified.prepare(edits, asked)
    assert [one.edit_id for one in decide(0.76)] == [one.edit_id for one in decide(0.5)]
    verified.prepare(edits[:2], asked)(0.76)
    assert counting.pairs == len(edits)


def test_overlap_counts_keys_with_a_near_neighbour() -> None:
    keys = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0]])
    assert overlap_share(keys) == 0.5
    assert overlap_share(keys[:1]) == 0.0


def test_two_axes_keep_distances_of_a_plane() -> None:
    plane = torch.randn(20, 2, generator=torch.Generator().manual_seed(1)) @ torch.randn(2, 7)
    assert torch.allclose(torch.cdist(plane, plane), torch.cdist(two_axes(plane), two_axes(plane)), atol=1e-3)
