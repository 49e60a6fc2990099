"""Each way of asking otherwise on one question, that draws repeat, and files of names."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from editor_engine.benchmarks.asked import Asked
from editor_engine.benchmarks.robustness import (
    FRAMES,
    SYNONYMS,
    Variation,
    framed,
    misspelt,
    read_aliases,
    reworded,
    searched_with,
    topic_first,
    variations,
    vary_questions,
    with_alias,
    with_pronoun,
)
from editor_engine.datasets.records import DataError, EditRecord
from editor_engine.follow_up import History

RECORD = EditRecord("r", "What does Cadimox treat?", "gout", (), (), subject="Cadimox")


def test_each_variation_says_the_same_otherwise() -> None:
    random = Random(1)
    asked = RECORD.question
    assert reworded(asked, RECORD, random) in {f"What does Cadimox {one}?" for one in SYNONYMS["treat"]}
    assert framed(asked, RECORD, random) in {frame.format(asked) for frame in FRAMES}
    front = topic_first(asked, RECORD, random) or ""
    assert "Cadimox" in front
    assert front.endswith("what does it treat?")
    assert with_pronoun(asked, RECORD, random) == "What does it treat?"
    aliases = {"cadimox": ("Xelor",)}
    assert with_alias(aliases)(asked, RECORD, random) == "What does Xelor treat?"


def test_variations_that_do_not_apply_say_so() -> None:
    random = Random(1)
    for vary in (topic_first, with_pronoun, misspelt, with_alias({"cadimox": ("Xelor",)})):
        assert vary("What does Belorant treat?", RECORD, random) is None
    assert reworded("Who?", RECORD, random) is None
    short = EditRecord("r", "Is Abc safe?", "no", (), (), subject="Abc")
    assert misspelt(short.question, short, random) is None


def test_a_second_turn_is_searched_as_the_history_says() -> None:
    asked = [Asked("r", "question", RECORD.question, "r", False)]
    searched = {}
    for variation in variations():
        if variation.history:
            (varied,) = vary_questions(asked, {"r": RECORD}, variation, seed=1)
            assert "Cadimox" in (varied.before or "")
            (searched[variation.history],) = searched_with([varied], [RECORD.edit()])
    assert searched[History.LAST_TURN] == "What does it treat?"
    assert searched[History.PREVIOUS_TURN] == f"{varied.before} What does it treat?"
    assert searched[History.CARRIED_SUBJECT] == "What does Cadimox treat?"


def test_misspellings_are_one_slip_away_and_keep_the_first_letter() -> None:
    seen = {misspelt(RECORD.question, RECORD, Random(seed)) for seed in range(200)}
    names = {(one or "").split()[2] for one in seen}
    assert len(names) > 20
    assert "Cadimox" not in names
    assert all(name[0] == "C" and abs(len(name) - len("Cadimox")) <= 1 for name in names)


def test_draws_repeat_and_do_not_depend_on_other_questions() -> None:
    variation = Variation("misspelt", misspelt)
    asked = [Asked("r", kind, RECORD.question, "r", False) for kind in ("question", "rephrase", "Loc")]
    whole = vary_questions(asked, {"r": RECORD}, variation, seed=3)
    assert whole == vary_questions(asked, {"r": RECORD}, variation, seed=3)
    assert vary_questions(asked[1:], {"r": RECORD}, variation, seed=3) == whole[1:]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.json", '{"Cadimox": ["Xelor"]}'),
        ("names.csv", "generic,brand\nCadimox,Xelor\n"),
        ("names.tsv", "id\tname\n7\tCadimox\n8\tBelorant\n7\tXelor\n"),
    ],
)
def test_files_of_names(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    aliases = read_aliases(path)
    assert aliases["cadimox"] == ("Xelor",)
    assert aliases["xelor"] == ("Cadimox",)
    assert "belorant" not in aliases


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "expected an object of names and lists of other names, got a list"),
        ('{"a": "b"}', "name a: expected a list of other names, got a text"),
        ("{", "line 1, column 2: expected JSON, got its end"),
    ],
)
def test_names_that_are_no_names_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "names.json"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_aliases(path)


@pytest.mark.parametrize("text", ["", "id\tname\n7\tCadimox\n", "one column\nCadimox\n"])
def test_a_file_without_aliases_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "names.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"names\.tsv: expected names"):
        read_aliases(path)
