"""Several contraindications and interactions of one drug: promoted one after the other, each undone by itself."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.end_to_end.prepared import SECOND_NIGHT, THIRD_NIGHT, Prepared, label
from tests.end_to_end.shell import Shell

pytestmark = pytest.mark.slow

LIVER = "May corvandine be used in severe liver failure?"
ASTHMA = "May corvandine be used in patients with severe asthma?"
FIRST = "Should corvandine be combined with ketoconazole?"
SECOND = "Should corvandine be combined with verapamil?"
SAID = {
    LIVER: "contraindicated in severe liver failure",
    ASTHMA: "should not be used in patients with severe asthma",
    FIRST: "to be avoided with ketoconazole",
    SECOND: "must not be combined with verapamil",
}
LISTS = """
# 4 Contraindications

Corvandine is contraindicated in severe liver failure.
Corvandine should not be used in patients with severe asthma.

# 7 Drug Interactions

{}Corvandine must not be combined with verapamil.
"""
AVOIDED = "Avoid concomitant use of corvandine with ketoconazole.\n"


def answers(site: Shell, *questions: str) -> dict[str, str]:
    """What is live says to these questions where an edit fires, and nothing where none does."""
    said = site.answers(*questions)
    return {
        question: str(one["answer"]) if one["edit_id"] else "" for question, one in zip(questions, said, strict=True)
    }


def edit_of(site: Shell, question: str) -> str:
    """The edit in force that was written for a question."""
    query = "SELECT edit_id FROM edits WHERE json_extract(body, '$.question') = ? AND state = 'live'"
    return str(site.one(query, question))


def test_two_of_each_list_go_live_one_after_the_other_and_one_leaves_alone(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.drop("corvandine.md", label("10 mg") + LISTS.format(AVOIDED))
    proposed = cast(list[dict[str, str]], site.night(SECOND_NIGHT).json["proposed"])
    by_question = {one["question"]: one for one in proposed}
    assert {question: one["object_new"] for question, one in by_question.items()} == SAID
    assert site.one("SELECT count(DISTINCT functional_key) FROM candidates") == 4

    for some in ((LIVER, FIRST), (ASTHMA, SECOND)):
        for question in some:
            site.sign(by_question[question]["candidate_id"])
        site.done("promote", "--yes")
    assert answers(site, *SAID) == SAID
    assert site.one("SELECT count(DISTINCT batch_id) FROM edits WHERE state = 'live'") == 2
    beside = ("May corvandine be used in mild asthma?", "In which patients is corvandine contraindicated?")
    assert answers(site, *beside) == dict.fromkeys(beside, "")

    batch = str(site.one("SELECT batch_id FROM edits WHERE edit_id = ?", edit_of(site, LIVER)))
    site.done("rollback", batch, "--only", edit_of(site, LIVER), "--reason", "the one too many", "--yes")
    assert answers(site, *SAID) == {**SAID, LIVER: ""}

    site.drop("corvandine.md", label("10 mg") + LISTS.format(""))
    site.night(THIRD_NIGHT)
    (withdrawn,) = site.rows("SELECT json_extract(body, '$.withdraws') FROM candidates WHERE action = 'withdraw'")
    assert withdrawn == (edit_of(site, FIRST),), "only the item that left the label is proposed for withdrawal"
