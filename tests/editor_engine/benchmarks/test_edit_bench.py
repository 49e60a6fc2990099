"""The editing benchmark on the bundled demo model: verdicts, the paper's columns, what it leaves behind."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from editor_engine.base_model import Prompted
from editor_engine.benchmarks.asked import Asked
from editor_engine.benchmarks.edit_answers import AnswerBook
from editor_engine.benchmarks.edit_bench import EditResults, measure_edits
from editor_engine.benchmarks.edit_files import edits_json, write_edit_results
from editor_engine.benchmarks.edit_latex import edits_latex
from editor_engine.benchmarks.edit_scores import EditBlock, agreement, fluency
from editor_engine.benchmarks.edit_setup import load_edit_setup
from editor_engine.benchmarks.edit_systems import AlwaysSystem, EngineSystem, Given, LookUpSystem, System
from editor_engine.benchmarks.paper_numbers import average, paper_rows, paper_rows_beside
from editor_engine.benchmarks.retrieval_scores import Share
from editor_engine.benchmarks.retrievers import ExactMatch
from editor_engine.benchmarks.run_journal import RunJournal
from editor_engine.datasets.records import EditRecord, Locality, synthetic_body
from editor_engine.demo import bundled_model
from editor_engine.edit import Edit
from editor_engine.editor import Editor
from editor_engine.errors import EngineError
from editor_engine.lm_families import CausalLM

RECORDS = [
    EditRecord(
        record_id=f"r{number}",
        question=f"What is the recommended dose of {name}?",
        target_new=f"{number + 12} mg",
        rephrases=(f"Which quantity of {name} should be taken?",),
        localities=(Locality("Loc", f"What is the antidote for {name}?", "Acme"),),
        ground_truth="1 mg",
        subject=name,
    )
    for number, name in enumerate(("belorant", "cadimox", "ferulisan"))
]


@pytest.fixture(scope="module")
def base() -> CausalLM:
    return CausalLM.load(bundled_model())


@pytest.fixture(scope="module")
def book(base: CausalLM) -> AnswerBook:
    return AnswerBook(base, max_new_tokens=12)


def test_each_system_does_what_its_name_says(tmp_path: Path, base: CausalLM, book: AnswerBook) -> None:
    systems: list[System] = [
        EngineSystem(Editor.load(base), "text", name="untrained"),
        LookUpSystem(ExactMatch(), base),
        AlwaysSystem(base),
    ]
    with RunJournal(tmp_path, {}, resume=False) as journal:
        results = measure_edits(RECORDS, systems, book, {}, sizes=(1, None), journal=journal)
    found = {(block.system, block.edits): block for block in results.blocks}
    exact, always = found["exact match + text", None], found["always in context", None]
    assert exact.honest["takes"] == always.honest["takes"] == found["untrained, text", 1].honest["takes"] == Share(3, 3)
    assert exact.honest["takes, rephrased"].hits == 0
    assert always.honest["takes, rephrased"].hits >= 2
    assert exact.honest["flips Loc"] == Share(0, 3)
    assert exact.paper["Loc"] == 100.0
    assert always.paper["Loc"] < 100.0
    assert exact.honest["gone with the edit"] == Share(3, 3)
    assert exact.paper["Eff"] == 100.0 > exact.paper["Gen"]
    assert exact.paper["Avg"] == pytest.approx(((100 + exact.paper["Gen"]) / 2 + 100) / 2)
    lines = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines()]
    assert len(lines) == 3 * 2 * 9
    assert {line["reverts"] for line in lines if line["kind"] == "question"} == {True}
    written = write_edit_results(tmp_path, results, {"data": "made up"})
    assert [path.name for path in written] == ["report.md", "table.csv", "table.tex", "edits.png"]
    with (tmp_path / "table.csv").open() as file:
        sources = {row["source"] for row in csv.DictReader(file)}
    assert sources == {"measured", "paper, Table 2", "paper, Table 3", "paper, Table 10"}
    body = json.loads(json.dumps(edits_json(results, {"data": "made up"})))
    assert {row["data"] for row in body["paper"]["rows"]} == {"MedVersa"}
    tabulars = (tmp_path / "table.tex").read_text().split("\\begin{tabular}")
    assert [one.count("\\midrule") for one in tabulars] == [0, 1, 2]
    widths = [
        {row.replace("\\&", "").count("&") for row in one.splitlines() if row.endswith("\\\\")} for one in tabulars[1:]
    ]
    assert [len(one) for one in widths] == [1, 1]


def test_an_edit_that_leaves_no_trace_when_removed_is_told_from_one_that_does(base: CausalLM, book: AnswerBook) -> None:
    class Stubborn(AlwaysSystem):
        """Keeps a fact in front that is no longer in memory."""

        name = "stubborn"

        def give(self, memory: Sequence[Edit], asked: Sequence[Asked]) -> list[Given]:
            return super().give([record.edit() for record in RECORDS], asked)

    results = measure_edits(RECORDS, [Stubborn(base)], book, {}, sizes=(None,))
    assert results.blocks[0].honest["gone with the edit"] == Share(0, 3)


def test_what_is_set_apart_counts_in_no_honest_share(base: CausalLM, book: AnswerBook) -> None:
    apart = {("r0", "question"): frozenset({"r1"}), ("r0", "Loc"): frozenset({"r2"})}
    results = measure_edits(RECORDS, [AlwaysSystem(base)], book, apart, sizes=(1, None))
    alone, together = (block.honest for block in results.blocks)
    assert [alone[name].n for name in ("takes", "takes, rephrased", "flips Loc")] == [3, 3, 3]
    assert [together[name].n for name in ("takes", "takes, rephrased", "flips Loc")] == [2, 2, 2]


def test_equal_prompts_are_asked_once(base: CausalLM) -> None:
    told: list[int] = []
    book = AnswerBook(base, max_new_tokens=4, tell=lambda _what, _done, of: told.append(of or 0))
    question = Prompted("What is the recommended dose of belorant?")
    assert len(set(book.say([question, question, Prompted(question.question)]))) == 1
    book.say([question])
    assert told == [1]
    answer = book.say([question])[0]
    ids = book.token_ids(question.question, answer)
    if "\n" not in answer and answer:
        assert agreement(book.likeliest([question], [answer])[0], ids) == 1.0


def test_fluency_is_the_weighted_entropy_of_word_pairs_and_triples() -> None:
    assert fluency("a a a a") == 0.0
    assert fluency("a b c") == pytest.approx(100 * (2 / 3 * 1.0 + 0.0) / 2)
    assert fluency("a b c d e f g h i") > fluency("a b a b a b a b a")


def test_the_papers_rows_satisfy_equation_13_but_for_one_that_is_printed_so() -> None:
    rows = [row for row in paper_rows() if "Avg" in row.numbers]
    off = [row for row in rows if abs(average(row.numbers) - row.numbers["Avg"]) > 0.011]
    assert [(row.table, row.method, row.data, row.edits) for row in off] == [(2, "MEND", "MedCF++", 100)]
    ours = next(row for row in rows if (row.method, row.data, row.edits, row.table) == ("MedREK", "MedVersa", 100, 2))
    assert ours.numbers == {"Eff": 74.49, "Gen": 70.46, "Loc": 99.45, "Flu": 598.67, "Avg": 85.96}


def test_every_editor_of_the_paper_stands_beside_data_like_its_own() -> None:
    beside = paper_rows_beside(["Eff", "TD", "Flu"])
    assert {row.method.split()[0] for row in beside} == set("FT LoRA ROME MEMIT MEND MedLaSA RECIPE MedREK".split())  # noqa: SIM905
    assert {row.data for row in beside if "Eff" in row.numbers} == {"MedCF++", "MedCF"}
    assert {row.method: row.numbers for row in beside if row.table == 10}["MEMIT"] == {"s an edit": 18.239}
    assert not paper_rows_beside(["Eff", "same_subject"])


def test_names_of_data_are_no_latex() -> None:
    share = {"takes": Share(1, 2), "flips Loc": Share(0, 2)}
    block = EditBlock(
        "recipe (50%_a&b), text", None, 0.0012, 0.0, 0, {"Eff": 1.0, "Loc": 100.0, "s an edit": 0.0012}, share
    )
    written = edits_latex(EditResults(2, [block]), {"data": "a_b.json"})
    assert r"recipe (50\%\_a\&b), text & all 2 & 50.0 (9.5--90.5) & " in written
    assert r"& this base & a\_b.json & all 2 & 1.00 & 100.00 & 0.0012 \\" in written


def test_a_setup_names_what_it_works_on(tmp_path: Path) -> None:
    data = tmp_path / "facts.json"
    data.write_text(json.dumps(synthetic_body(RECORDS)))
    setup = load_edit_setup(data, str(bundled_model()), carriers=["text", "soft"])
    assert [system.name for system in setup.systems] == [
        "untrained, text",
        "TF-IDF + text",
        "exact match + text",
        "always in context",
    ]
    assert "flatters" in str(setup.facts["TF-IDF limit"])
    assert setup.facts["left out"] == "untrained, soft: no prompt encoder"
    with pytest.raises(EngineError, match="expected text, soft, refined, chosen, got pigeon"):
        load_edit_setup(data, str(bundled_model()), carriers=["pigeon"])
