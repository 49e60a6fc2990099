"""Which questions a site's gate asks: its own, the clinical ones, the demo's; what is pinned; what can never pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflow.change_control.question_sets import (
    clinical_questions,
    demo_questions,
    folded,
    pin,
    pinned_path,
    read_question_sets,
    require_passable,
)
from workflow.errors import SettingsError, UsageError
from workflow.site import Site


def make_site(folder: Path, **gate: object) -> Site:
    """A site with these settings; keys are dotted, ``__`` for the dot."""
    settings = {name.replace("__", "."): value for name, value in gate.items()}
    return Site.create(folder / "site", settings=settings)


def test_the_clinical_set_is_large_enough_distinct_and_asks() -> None:
    questions = clinical_questions()
    assert len(questions) >= 400
    assert len({folded(question) for question in questions}) == len(questions)
    assert all(question.endswith("?") and len(question.split()) > 3 for question in questions)


@pytest.mark.parametrize(("base", "first"), [("demo", demo_questions()[0]), ("some/model", clinical_questions()[0])])
def test_the_demo_model_is_asked_what_it_knows_and_every_other_one_the_clinical_set(
    tmp_path: Path, base: str, first: str
) -> None:
    sets = require_passable(make_site(tmp_path, model__base=base))
    assert sets.faq[0].question == first
    assert sets.pinned == ()


def test_a_sites_own_file_is_asked_instead_with_plain_lines_and_objects(tmp_path: Path) -> None:
    site = make_site(tmp_path, gate__faq_file="own.jsonl")
    (site.root / "own.jsonl").write_text('"Why?"\n\n{"topic": "x", "question": "How?"}\n"Why?"\n', encoding="utf-8")
    assert [probe.question for probe in read_question_sets(site).faq] == ["Why?", "How?"]


@pytest.mark.parametrize(
    ("content", "said"),
    [('"Why?"\nnot json\n', "line 2 is none"), ('"Why?"\n7\n', "line 2: expected a question"), (None, "No such file")],
)
def test_a_file_that_holds_no_questions_is_named_with_its_line(tmp_path: Path, content: str | None, said: str) -> None:
    site = make_site(tmp_path, gate__faq_file="own.jsonl")
    if content is not None:
        (site.root / "own.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        read_question_sets(site)


def test_questions_are_pinned_once_each_and_kept_in_order(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    assert pin(site, "Is  aspirin safe\tfor a child?") == 1
    assert pin(site, "Wie hoch ist die Höchstdosis?") == 2
    for again in ("is aspirin safe for a CHILD?", "  "):
        with pytest.raises(UsageError, match="not pinned yet"):
            pin(site, again)
    lines = pinned_path(site).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ["Is aspirin safe for a child?", "Wie hoch ist die Höchstdosis?"]
    assert [probe.question for probe in read_question_sets(site).pinned] == [json.loads(line) for line in lines]


def test_a_pinned_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gate\.pinned_file"):
        read_question_sets(make_site(tmp_path, gate__pinned_file="safety.jsonl"))


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"gate__audit_share": 0.0}, "nothing would be audited"),
        ({"gate__limits__faq_moved": 0.0}, r"pin questions .*must never move|must never move"),
        ({"gate__limits__faq_moved": 0.001}, r"needs 3838 clinical questions even if none moves, got 1200"),
        ({"gate__limits__confidence": 0.9999999, "model__base": "other"}, r"got 424 \(the clinical questions"),
    ],
)
def test_settings_under_which_nothing_can_pass_are_refused_with_what_they_need(
    tmp_path: Path, gate: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        require_passable(make_site(tmp_path, **gate))
