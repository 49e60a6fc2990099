"""Random histories of a whole site against a naive model; 10,000 of them: ``medrek-flow bench histories``.

Here a small number of seeds, the histories that once broke something, and proof that a broken promise is seen: the
record is forged behind the product's back, and the very next step must find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow.histories.paper_site import Template
from workflow.histories.play import Play
from workflow.histories.run import run_one, stage
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
    made = Play(template.copy("two_signer", tmp_path / "site"), "two_signer")
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
