"""Random histories of a whole site against a naive model; 10,000 of them: ``medrek-flow bench histories``.

Here a small number of seeds, the histories that once broke something, and proof that a broken promise is seen: the
record is forged behind the product's back, and the very next step must find it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from workflow.histories.crash import POINTS
from workflow.histories.paper_site import Template
from workflow.histories.play import Play
from workflow.histories.promises import Broken, Promises
from workflow.histories.run import run_one, shortened, stage
from workflow.histories.story import ACTS, Step, read_story, tell, write_story

A_FEW = 60
LOW, HIGH = 0, 1
ADA, BEN, DAN = 0, 1, 3
NEWEST = 999


def steps(*lines: str) -> tuple[Step, ...]:
    """Write a history by hand: an act and its numbers on each line; those that are left out are 0."""
    made = []
    for line in lines:
        act, *picks = line.split()
        a, b, c, d = (*map(int, picks), 0, 0, 0, 0)[:4]
        made.append(Step(act, (a, b, c, d)))
    return tuple(made)


def way_in(subject: int = 0, dose: int = 0, risk: int = LOW) -> tuple[Step, ...]:
    """A fact goes live the straight way."""
    proposed = steps(f"propose {subject} {dose} {risk}", f"rehearse {NEWEST}", f"decide {NEWEST} {ADA}")
    rest = ("night_batches", f"stage {NEWEST}", f"gate {NEWEST} 0 1", f"order {NEWEST} {DAN}", f"promote {NEWEST}")
    return (*proposed, *steps(f"decide {NEWEST} {BEN}", *rest))


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    with stage() as made:
        yield made


@pytest.fixture
def play(template: Template, tmp_path: Path) -> Iterator[Play]:
    """A site on which nothing happened."""
    made = Play(template, template.copy("two_signer", tmp_path / "site"), "two_signer")
    yield made
    made.close()


def test_any_history_keeps_the_promises(template: Template, tmp_path: Path) -> None:
    ran = [run_one(template, tmp_path, seed) for seed in range(1, A_FEW + 1)]
    assert sum(one.steps for one in ran) > 10 * A_FEW
    assert min(sum(getattr(one, what) for one in ran) for what in ("promotions", "rollbacks", "crashes")) > 10


def test_a_seed_tells_the_same_history_everywhere_and_every_act_is_told() -> None:
    assert tell(7) == tell(7) != tell(8)
    assert read_story(write_story(tell(7))) == tell(7)
    told = {step.act for seed in range(300) for step in tell(seed)}
    assert told == set(ACTS)
    assert all(hasattr(Play, f"do_{act}") for act in ACTS)


ONCE_BROKEN = {
    "an order before the gate": (
        *steps("propose 0 0 0", f"rehearse {NEWEST}", f"decide {NEWEST} {ADA}", "night_batches"),
        *steps(f"order {NEWEST} {DAN}", f"stage {NEWEST}", f"gate {NEWEST} 0 1", f"promote {NEWEST}"),
    ),
    "an order that was given on an older gate": (
        *way_in()[:-1],
        *steps(f"check {NEWEST}", f"gate {NEWEST} 0 1", f"promote {NEWEST}"),
    ),
    "two batches that passed against the same release": (
        *way_in(0)[:-1],
        *way_in(1)[:-1],
        *steps("promote 0", "promote 9"),
    ),
    "a check of a batch without a shard": (
        *steps("propose 0 0 0", f"rehearse {NEWEST}", f"decide {NEWEST} {ADA}", "night_batches"),
        *steps(f"check {NEWEST}"),
    ),
    "a hasty fact in conflict with the night's other batch": (
        *steps("propose 0 0 0", f"rehearse {NEWEST}", "propose 0 1 0", f"rehearse {NEWEST}"),
        *(step for which in (0, 1) for who in (ADA, BEN) for step in steps(f"decide {which} {who}")),
        *steps("expedite 0 0", "night_batches", "settle"),
    ),
    "undoing a rollback of what people withdrew since": (
        *way_in(),
        *steps(f"roll_back {NEWEST} 0 0 3", f"undo_rollback {NEWEST} 1 1"),
        *steps("affected", f"rehearse {NEWEST}", f"decide {NEWEST} {ADA}", "withdraw", "undo_rollback 0 1 1"),
    ),
    "a clock that was set back, after a wrong PIN": (
        *steps("propose 0 0 0", f"rehearse {NEWEST}", f"mark {NEWEST} {ADA}", f"wrong_pin {ADA}", f"clock_back {ADA}"),
    ),
}


@pytest.mark.parametrize("name", ONCE_BROKEN)
def test_what_once_broke_holds(name: str, template: Template, tmp_path: Path) -> None:
    """Each was found by a history, or by writing the naive model, and broke the record before it was mended."""
    run_one(template, tmp_path, 1, ONCE_BROKEN[name])


TO_LIVE = (f"stage {NEWEST}", f"gate {NEWEST} 0 1", f"order {NEWEST} {DAN}", f"promote {NEWEST}")
SIGNED = (f"rehearse {NEWEST}", f"decide {NEWEST} {ADA}", "night_batches", f"stage {NEWEST}")
AND_BACK = (*SIGNED, *TO_LIVE[1:], f"roll_back {NEWEST} 0 0 3", f"reopen 0 {BEN} 0 2", *SIGNED, *TO_LIVE[1:])
COMES_BACK = {
    "a batch refused whole": ((*SIGNED, f"gate {NEWEST} 5 1", "cancel 0 0 0 2", "night_batches", *TO_LIVE), 1),
    "an edit ejected": ((*SIGNED, f"gate {NEWEST} 3 1", f"reopen 0 {ADA} 0 2", *SIGNED, *TO_LIVE[1:]), 1),
    "an edit rolled back": (AND_BACK, 1),
    "one rolled back, live again, and its rollback undone": (
        (*AND_BACK, "undo_rollback 0 1 1"),
        2,
    ),
}


@pytest.mark.parametrize("name", COMES_BACK)
def test_what_a_gate_or_a_rollback_ended_comes_back_only_by_people(name: str, play: Play) -> None:
    lines, in_force = COMES_BACK[name]
    for step in steps("propose 0 0 0", *lines):
        play.step(step)
    assert len(play.books.live.rows) == in_force
    ask_all(play)


FORGED = {
    "a signature taken out": ("DELETE FROM decisions WHERE reviewer_id = 'ben'", "decisions"),
    "a fact changed after its signatures": (
        "UPDATE edits SET body = replace(body, '1 mg', '3 mg')",
        "P1 .*: it is not what its candidate says",
    ),
    "a quote changed after its signatures": (
        "UPDATE candidates SET body = replace(body, 'corvandine is 1 mg.', 'corvandine is 3 mg.')",
        "P1 ",
    ),
    "a signature of something else": (
        "UPDATE decisions SET shown_sha256 = replace(shown_sha256, 'a', 'b') WHERE reviewer_id = 'ben'",
        "P1 .*: expected 2 people on its final hash, got 1",
    ),
    "a pointer that was moved": ("UPDATE live SET release_id = 0", "in force: expected|live: expected"),
    "a fact slipped in": (
        "INSERT INTO release_edits SELECT 0, edit_id, batch_id, row_sha256, shard_path FROM release_edits",
        "release 0 is not what the audit chain says|whole",
    ),
    "a gate that did not pass": ("UPDATE gates SET verdict = 'hold'", "P2 release 1: no gate passed"),
    "a gate of another memory": (
        "UPDATE gates SET report = json_set(report, '$.staged_digest', 'x')",
        "P2 release 1: its gate judged another memory",
    ),
    "a row that is not the one staged": ("UPDATE release_edits SET row_sha256 = 'x'", "in force: expected"),
    "a row of the chain changed": ("UPDATE audit SET actor = 'x' WHERE seq = 12", "P6 audit row 12 was changed"),
    "a row of the chain cut out": ("DELETE FROM audit WHERE seq = 12", "P6 audit row 12 is missing"),
    "a state change without its audit row": (
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "P6 the audit chain lost",
    ),
}


def forge(play: Play, statement: str) -> None:
    """Change the record behind the product's back, its guards taken out first."""
    play.close()
    with closing(sqlite3.connect(play.site.ledger_path, isolation_level=None)) as plain:
        guards = plain.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            plain.execute(f"DROP TRIGGER {name}")
        plain.execute(statement)
        for _, made in guards:
            plain.execute(made)
    play.open()


@pytest.mark.parametrize("name", FORGED)
def test_a_broken_promise_is_seen_at_once(name: str, play: Play) -> None:
    statement, words = FORGED[name]
    for step in way_in(risk=HIGH):
        play.step(step)
    assert play.books.live.rows
    forge(play, statement)
    play.promises = play.promises if "lost" in words else Promises(play.site)  # nothing is taken as known
    with pytest.raises(Broken, match=words):
        ask_all(play)


def ask_all(play: Play) -> None:
    play.promises.ask(play.ledger, play.books)
    play.promises.ask_whole(play.ledger)


def test_changed_bytes_are_seen_at_once(play: Play) -> None:
    for step in way_in():
        play.step(step)
    shard = next(play.site.memory_folder.iterdir())
    kept = shard.read_bytes()
    shard.write_bytes(b"other")
    with pytest.raises(Broken, match=r"P2 shard b0001.safetensors is not what was staged"):
        ask_all(play)
    shard.write_bytes(kept)
    ask_all(play)
    for document in (play.site.data / "documents").iterdir():
        document.write_bytes(b"other")
    with pytest.raises(Broken, match="P3"):
        ask_all(play)


@pytest.mark.parametrize("act", ["decide", "night_batches", "stage", "gate", "promote"])
def test_an_act_ended_at_any_statement_leaves_before_or_after(act: str, play: Play) -> None:
    """P6, systematically: ended before its first statement, its second, and so on until it comes to its end."""
    for step in way_in():
        at, crashes = 0, -1
        while step.act == act and play.crashes > crashes:
            at, crashes = at + 1, play.crashes
            play.step(replace(step, crash="abort", at=at))
        if step.act != act:
            play.step(step)
        assert at == 0 or at > 5 or not play.crashes, "an act of several statements"
    assert play.crashes > 5
    assert play.books.live.rows
    play.promises.ask_whole(play.ledger)


def test_kill_9_at_every_named_place_leaves_before_or_after(play: Play) -> None:
    """P6 with real processes that die: each act dies at its places first, and is done after that."""
    way = (*way_in(), *steps(f"roll_back {NEWEST} 0 0 3", "undo_rollback 0 1 1", "affected", f"rehearse {NEWEST}"))
    for step in (*way, *steps(f"decide {NEWEST} {ADA}", "withdraw")):
        for at in range(1, len(POINTS.get(step.act, ())) + 1):
            play.step(replace(step, crash="kill", at=at))
        play.step(step)
    assert play.crashes >= len({point for points in POINTS.values() for point in points}) - 1
    assert play.books.releases[-1].cause == "withdrawal"
    play.promises.ask_whole(play.ledger)


def test_shortening_leaves_only_what_matters() -> None:
    acts = {"stage", "promote"}
    told = tell(3) + steps("stage", "promote")
    kept = shortened(lambda some: "broken" if acts <= {step.act for step in some} else "", told)
    assert sorted(step.act for step in kept) == sorted(acts)
