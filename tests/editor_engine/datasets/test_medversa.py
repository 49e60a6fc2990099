"""MedVersa from multiple-choice questions, with a scripted wording: subjects, overlaps, resuming, broken input."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from editor_engine.datasets.mcq import Mcq, read_mcqs
from editor_engine.datasets.medversa import Built, build_medversa, draw_pairs, shared_out
from editor_engine.datasets.records import DataError, records_of
from editor_engine.datasets.wording import ReplyCache, Templates, gives_away, question_in

SUBJECTS = ("Anatomy", "ENT", "Skin")
PLAIN = Templates(rewrite="W|{question}|{answer}", rephrase="R|{question}")


class Script:
    """Words questions by a fixed pattern, from several threads; fails after ``last`` requests."""

    def __init__(self, last: int = 1_000_000) -> None:
        self.asked: Counter[str] = Counter()
        self._lock, self._last = threading.Lock(), last

    def __call__(self, request: str) -> str:
        with self._lock:
            if self.asked.total() >= self._last:
                raise TimeoutError
            self.asked[request] += 1
        kind, question, *_ = request.split("|")
        return f"What is the {question}?" if kind == "W" else f"Name it: {question}"


def mcq(number: int, **changes: object) -> dict[str, object]:
    options = {f"op{letter}": f"option {letter}{number}" for letter in "abcd"}
    subject = SUBJECTS[number % len(SUBJECTS)]
    body = {"id": f"id-{number}", "question": f"cause of sign{number}", "cop": number % 4, "subject_name": subject}
    return {**body, **options, "topic_name": None, **changes}


def stored(tmp_path: Path, bodies: list[dict[str, object]], *, lines: bool = False) -> Path:
    path = tmp_path / "mcq.json"
    path.write_text("\n".join(json.dumps(one) for one in bodies) if lines else json.dumps(bodies))
    return path


def built(
    tmp_path: Path, bodies: list[dict[str, object]], ask: Script | None = None, count: int | None = None
) -> Built:
    cache = ReplyCache(tmp_path / "replies", "scripted")
    mcqs = read_mcqs(stored(tmp_path, bodies))
    return build_medversa(mcqs, ask or Script(), cache, templates=PLAIN, count=count, at_once=3)


def test_records_have_the_published_fields_one_subject_and_no_overlap(tmp_path: Path) -> None:
    made = built(tmp_path, [mcq(number) for number in range(40)]).bodies
    assert len(made) == 19
    records = records_of(tmp_path, made)
    edits = {record.question for record in records}
    localities = {one.question for record in records for one in record.localities}
    assert len(edits) == len(localities) == 19
    assert not edits & localities
    for body, record in zip(made, records, strict=True):
        assert body["subject_name"] == body["locality_subject_name"] == record.topic
        number = int(str(body["id"]).removeprefix("id-"))
        wrong = {f"option {letter}{number}" for letter in "abcd"} - {body["ground_truth"]}
        assert body["ground_truth"] == f"option {'abcd'[number % 4]}{number}"
        assert record.target_new in wrong


def test_a_build_repeats_exactly_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    bodies = [mcq(number) for number in range(40)]
    whole = built(tmp_path, bodies).bodies
    (tmp_path / "replies").unlink()
    first, second = Script(last=17), Script()
    with pytest.raises(TimeoutError):
        built(tmp_path, bodies, first)
    with (tmp_path / "replies").open("a") as file:
        file.write('{"request_sha256": "cut o')
    assert built(tmp_path, bodies, second).bodies == whole
    assert not set(first.asked) & set(second.asked)
    assert max((first.asked + second.asked).values()) == 1
    last = Script()
    assert built(tmp_path, bodies, last).bodies == whole
    assert not last.asked


def test_count_is_shared_out_by_size() -> None:
    assert shared_out({"A": 60, "B": 30, "C": 10}, 10) == {"A": 6, "B": 3, "C": 1}
    assert shared_out({"A": 5, "B": 5, "C": 5}, 4) == {"A": 2, "B": 1, "C": 1}
    assert shared_out({"A": 2, "B": 1}, 9) == {"A": 2, "B": 1}


def test_questions_that_need_their_options_are_left_out_and_counted(tmp_path: Path) -> None:
    bodies = [mcq(number) for number in range(12)]
    bodies[0]["question"] = "Which of the following is a sign"
    bodies[1]["opb"] = "All of the above"  # the correct one
    bodies[2] |= {"opa": "None of the above", "opb": "Both A and B"}
    pairs, dropped = draw_pairs(read_mcqs(stored(tmp_path, bodies)), count=None, seed=1)
    unpaired = {"no other question of its subject is left to pair it with": 2}
    assert dropped == {"the question points at its options": 1, "the answer points at the options": 1, **unpaired}
    assert 2 * len(pairs) + sum(dropped.values()) == len(bodies)
    used = {one.mcq_id: one for pair in pairs for one in (pair.edit, pair.locality)}
    assert not {"id-0", "id-1"} & set(used)
    third = next(one for one in read_mcqs(stored(tmp_path, bodies)) if one.mcq_id == "id-2")
    assert third.targets == ("option d2",)


def test_wordings_that_clash_or_say_the_answer_are_left_out(tmp_path: Path) -> None:
    bodies = [mcq(number, subject_name="ENT") for number in range(40)]
    for body in bodies[:20]:
        body["question"] = "cause of one and the same sign"
    made = built(tmp_path, bodies)
    texts = [text for body in made.bodies for text in (body["prompt"], body["locality_prompt"])]
    assert texts.count("What is the cause of one and the same sign?") <= 1
    assert made.dropped["a question that another record asks, or must leave alone"] > 5
    assert gives_away("Is the cause option a3?", "Option A3", "cause of it")
    assert not gives_away("Is the cause option a3?", "Option A3", "cause of option a3")


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ('"What is it?"', "What is it?"),
        ("  What is it?\n", "What is it?"),
        ("Sure! Here it is:\nWhat is it?", None),
        ("What it is.", None),
        ("?", None),
        ("What " + "x" * 700 + "?", None),
    ],
)
def test_a_reply_is_a_question_or_nothing(reply: str, question: str | None) -> None:
    assert question_in(reply) == question


def test_the_base_of_cop_is_read_off_the_file(tmp_path: Path) -> None:
    from_zero = read_mcqs(stored(tmp_path, [mcq(0, cop=0), mcq(1, cop=2)], lines=True))
    from_one = read_mcqs(stored(tmp_path, [mcq(0, cop=4), mcq(1, cop=2)]))
    assert [one.correct for one in from_zero] == [0, 2]
    assert [one.correct for one in from_one] == [3, 1]
    open_ = stored(tmp_path, [mcq(0, cop=1)])
    with pytest.raises(DataError, match="--cop-base"):
        read_mcqs(open_)
    assert read_mcqs(open_, cop_base=0)[0].correct == 1
    with pytest.raises(DataError, match="cop is 0 in record 1 and 4 in record 2"):
        read_mcqs(stored(tmp_path, [mcq(0, cop=0), mcq(1, cop=4)]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": ""}, "record 2: field question: expected a text, got an empty text"),
        ({"opc": None}, "record 2: field opc: expected a text, got null"),
        ({"cop": None}, "record 2: field cop: expected 0 to 3, or 1 to 4, got null"),
        ({"cop": 7}, "record 2: field cop: expected 0 to 3, or 1 to 4, got 7"),
        ({"id": "id-0"}, "record 2: field id: expected an id of its own, got id-0, which is also that of record 1"),
        ({"id": 1.5}, "record 2: field id: expected a text or a whole number, got a number"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_mcqs(stored(tmp_path, [mcq(0), mcq(1, **changes)]))


def test_templates_come_from_a_file_and_need_their_places(tmp_path: Path) -> None:
    path = tmp_path / "templates.toml"
    path.write_text('rephrase = "Again: {question}"')
    assert Templates.read(path).to_rephrase("Why {answer}?") == "Again: Why {answer}?"
    assert Templates.read(path).rewrite == Templates().rewrite
    path.write_text('rewrite = "No places"')
    with pytest.raises(DataError, match=r"rewrite: expected a text with \{question\} and \{answer\}"):
        Templates.read(path)


def test_no_pair_is_an_error() -> None:
    lone = [Mcq(1, "1", "q", ("a", "b", "c", "d"), 0, "ENT", None)]
    with pytest.raises(DataError, match="two usable questions of one subject"):
        draw_pairs(lone, count=None, seed=0)
