"""Histories as data: a list of steps that a seed gives, and that can be shortened, printed and played again."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

ACTS: dict[str, int] = {
    "propose": 8,
    "rehearse": 7,
    "mark": 9,
    "decide": 14,
    "sign": 4,
    "wrong_pin": 1,
    "undo": 4,
    "reopen": 3,
    "claim": 2,
    "settle": 4,
    "new_version": 1,
    "expedite": 2,
    "batch": 6,
    "night_batches": 4,
    "cancel": 2,
    "stage": 5,
    "gate": 7,
    "check": 2,
    "order": 6,
    "take_back_order": 1,
    "promote": 8,
    "read_back": 3,
    "roll_back": 6,
    "undo_rollback": 5,
    "affected": 3,
    "withdraw": 4,
    "live_check": 2,
    "stop": 1,
    "start": 2,
    "envelope": 2,
    "restart": 2,
    "days": 2,
    "clock_back": 1,
}
"""What can happen, and how often."""
CRASHES = {"abort": 5, "kill": 1}
"""Of a hundred steps: in how many an exception ends the act in the middle, and in how many kill -9 the process."""
SHORTEST, LONGEST = 8, 24
LAST = 999
"""Picks the newest of whatever there is to choose from."""
_WAY_IN = (
    ("propose", ()),
    ("rehearse", (LAST,)),
    ("decide", (LAST, 0, 0)),
    ("decide", (LAST, 1, 0)),
    ("night_batches", ()),
    ("stage", (LAST,)),
    ("gate", (LAST, 0)),
    ("order", (LAST, 3)),
    ("promote", (LAST,)),
)
_WAY_OUT = (("affected", ()), ("rehearse", (LAST,)), ("decide", (LAST, 0, 0)), ("withdraw", ()))
"""The straight ways of a fact into the live memory and out of it, of which histories follow stretches."""


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``picks`` choose among whatever is there when it does."""

    act: str
    picks: tuple[int, int, int, int]
    crash: str = ""
    """How it is ended in the middle: ``abort``, ``kill``, or not at all."""
    at: int = 0
    """At which statement it is ended, counted from its first."""

    def to_json(self) -> list[object]:
        """Write it as a JSON list."""
        return [self.act, *self.picks, self.crash, self.at]

    @classmethod
    def from_json(cls, body: Sequence[object]) -> Step:
        """Read what ``to_json`` wrote."""
        act, first, second, third, fourth, crash, at = body
        picks = (int(str(first)), int(str(second)), int(str(third)), int(str(fourth)))
        return cls(str(act), picks, str(crash), int(str(at)))

    def __str__(self) -> str:
        """The step in one line."""
        crash = f"  {self.crash} at statement {self.at}" if self.crash else ""
        return f"{self.act} {' '.join(map(str, self.picks))}{crash}"


def tell(seed: int) -> tuple[Step, ...]:
    """Make the history of a seed: the same one everywhere."""
    chance = random.Random(seed)  # noqa: S311 - which history, not a secret
    length = chance.randint(SHORTEST, LONGEST)
    steps: list[Step] = []
    while len(steps) < length:
        if chance.random() < 0.33:
            steps += _stretch(chance)
        else:
            steps.append(_crashing(chance, Step(chance.choices(list(ACTS), list(ACTS.values()))[0], _picks(chance))))
    return tuple(steps)


def _stretch(chance: random.Random) -> list[Step]:
    """Part of the way of a fact to the live memory, from its beginning or from somewhere on."""
    if chance.random() < 0.3:
        return [_crashing(chance, Step(act, _picks(chance, fixed))) for act, fixed in _WAY_OUT]
    first = chance.choice((0, 0, 0, 0, 4, 5))
    last = chance.choice((*[len(_WAY_IN)] * 4, chance.randint(first + 1, len(_WAY_IN))))
    return [_crashing(chance, Step(act, _picks(chance, fixed))) for act, fixed in _WAY_IN[first:last]]


def _picks(chance: random.Random, fixed: tuple[int, ...] = ()) -> tuple[int, int, int, int]:
    drawn = [LAST if chance.random() < 0.35 else chance.randrange(LAST) for _ in range(4)]
    a, b, c, d = (*fixed, *drawn[len(fixed) :])
    return a, b, c, d


def _crashing(chance: random.Random, step: Step) -> Step:
    drawn = chance.random() * 100
    for crash, share in CRASHES.items():
        if drawn < share:
            return Step(step.act, step.picks, crash, chance.choice((1, 2, 3, 5, 8, 12, 20)))
        drawn -= share
    return step


def write_story(steps: Sequence[Step]) -> str:
    """Write steps as one line of JSON, to be played again."""
    return json.dumps([step.to_json() for step in steps], separators=(",", ":"))


def read_story(text: str) -> tuple[Step, ...]:
    """Read what ``write_story`` wrote."""
    return tuple(Step.from_json(body) for body in json.loads(text))
