"""``flag``, ``minutes`` and what ``queue`` and ``reviewer`` do besides deciding."""

from __future__ import annotations

import json

import pytest

from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run

HOSTILE = "How much? [/] \x1b]0;x\x07 \u202e <script>alert(1)</script> {{ 7*7 }} | # head"


def test_a_wrong_answer_enters_the_queue_and_leaves_by_a_decision(world: World, run: Run) -> None:
    asked = ("--question", HOSTILE, "--answer", "10 mg", "--note", "it is 5 mg", "--trace", "req-7")
    dry = json.loads(run("flag", *asked, "--dry-run", "--json").out)
    assert dry["candidate_id"] is None
    name = json.loads(run("flag", *asked, "--reported-by", "Dr. X", "--json").out)["candidate_id"]
    listed = json.loads(run("queue", "list", "--view", "affected", "--json").out)
    assert [one["candidate_id"] for one in listed["candidates"]] == [name]
    shown = run("queue", "show", name)  # nobody is enrolled under this account: a visitor may look
    assert (shown.code, "\x1b" in shown.out, "req-7" in shown.out) == (0, False, True)
    assert "quotes stand at their place" in shown.out
    decided = run("queue", "decide", name, "--verdict", "approve", "--as", "script-one")
    assert decided.code == 0
    assert json.loads(run("queue", "undo", "--as", "script-one", "--json").out)["candidate_ids"] == [name]
    assert json.loads(run("queue", "redo", "--as", "script-one", "--json").out)["candidate_ids"] == [name]
    page = run("minutes")
    assert "Answers that were called wrong" in page.out
    assert "<script>" not in run("minutes", "--format", "html").out
    assert "\x1b" not in page.out
    assert "\u202e" not in page.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("flag", "--question", " ", "--note", "x"), "expected the question"),
        (("flag", "--question", "q", "--note", "x", "--edit", "e-none"), "unknown"),
        (("minutes", "--format", "pdf"), "expected md or html"),
        (("minutes", "--since", "2026-02-02", "--until", "2026-02-01"), "on or before"),
        (("queue", "list", "--only", "risk=high"), "expected --view"),
        (("queue", "list", "--view", "pending", "--only", "risk=grave"), "expected one of"),
        (("queue", "list", "--view", "pending", "--only", "colour=red"), "expected FIELD=VALUE"),
        (("queue", "list", "--view", "pending", "--only", "at_most_days=x"), "a number of days"),
        (("queue", "list", "--view", "pending", "--all"), "no --all"),
        (("reviewer", "end-deputy", "9", "--as", "script-one"), "expected one that you named"),
    ],
)
def test_wrong_words_are_refused_in_one_line(world: World, run: Run, words: tuple[str, ...], told: str) -> None:
    ran = run(*words)
    assert (ran.code != 0, ran.out, told in ran.err, ran.err.count("\n")) == (True, "", True, 1), ran


def test_a_view_says_what_its_filter_leaves_out(world: World, run: Run) -> None:
    everything = json.loads(run("queue", "list", "--view", "pending", "--json").out)
    assert (everything["found"], everything["outside"]) == (len(everything["candidates"]), 0)
    none = run("queue", "list", "--view", "pending", "--only", "subject=nothing")
    assert f"0 left in this filter, {everything['found']} outside" in none.out
    assert "nothing to undo" in run("queue", "undo", "--as", "script-one").err


def test_attention_is_off_and_deputies_are_listed(world: World, run: Run) -> None:
    seeded = run("reviewer", "attention", "--seed")
    assert "none came" in seeded.err
    assert json.loads(run("reviewer", "attention", "--json").out)["reviewers"] == []
    assert json.loads(run("reviewer", "deputies", "--json").out)["deputies"] == []
    comment = run("queue", "comment", world.pending.candidate_id, HOSTILE, "--as", "script-one")
    assert comment.code == 0
    assert "\x1b" not in run("queue", "show", world.pending.candidate_id).out
