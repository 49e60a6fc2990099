"""Decisions against what was expected: outcomes, shares with their bounds, and the threshold curve."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from editor_engine.benchmarks.asked import Asked
from editor_engine.benchmarks.retrievers import Decision
from editor_engine.metrics import wilson_interval


class Outcome(StrEnum):
    """What became of one question."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    QUIET = "quiet"
    FALSE = "false"


@dataclass(frozen=True)
class Share:
    """A share with Wilson's 95 % bounds."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share; None without observations."""
        return self.hits / self.n if self.n else None

    def to_json(self) -> dict[str, object]:
        """Numbers and bounds."""
        low, high = wilson_interval(self.hits, self.n)
        return {"hits": self.hits, "n": self.n, "share": self.value, "low": low, "high": high}

    def __str__(self) -> str:
        """As tables print it: per cent, bounds."""
        if not self.n:
            return "-"
        low, high = wilson_interval(self.hits, self.n)
        return f"{100 * self.hits / self.n:.1f} ({100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True)
class Scored:
    """One question's outcome."""

    asked: Asked
    decision: Decision
    outcome: Outcome


def raw_line(retriever: str, memory: int, variation: str, one: Scored) -> dict[str, object]:
    """An outcome as the raw results hold it; ``scored_from`` reads it back."""
    return {
        "retriever": retriever,
        "memory": memory,
        "variation": variation or None,
        "record_id": one.asked.record_id,
        "kind": one.asked.kind,
        "turn_before": one.asked.before,
        "question": one.asked.text,
        "expected": one.asked.expected,
        "fired": one.decision.edit_id,
        "best": one.decision.best_id,
        "outcome": one.outcome,
        "set_apart": one.asked.apart,
        "score": round(one.decision.score, 6),
        "margin": round(one.decision.margin, 6),
        "silence": one.decision.reason,
    }


class _Raw(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    record_id: str
    kind: str
    turn_before: str | None
    question: str
    expected: str | None
    fired: str | None
    best: str | None
    outcome: Outcome
    set_apart: bool
    score: float
    margin: float
    silence: str | None


def scored_from(line: Mapping[str, object]) -> Scored:
    """An outcome from the raw results, its numbers to six places."""
    raw = _Raw.model_validate(line)
    asked = Asked(raw.record_id, raw.kind, raw.question, raw.expected, raw.set_apart, raw.turn_before)
    return Scored(asked, Decision(raw.fired, raw.score, raw.margin, raw.silence, raw.best), raw.outcome)


def score(asked: Sequence[Asked], decisions: Sequence[Decision]) -> list[Scored]:
    """The outcome of each question, in order."""
    return [Scored(one, made, outcome_of(one, made.edit_id)) for one, made in zip(asked, decisions, strict=True)]


def outcome_of(asked: Asked, fired: str | None) -> Outcome:
    """Right, wrong or missed where an edit should fire; quiet or false where none should."""
    if asked.expected is None:
        return Outcome.QUIET if fired is None else Outcome.FALSE
    if fired is None:
        return Outcome.MISSED
    return Outcome.RIGHT if fired == asked.expected else Outcome.WRONG


@dataclass(frozen=True)
class Line:
    """One line of the table: a kind of question, what became of it, and the same with the duplicates counted in."""

    kind: str
    fires: bool
    right: Share
    wrong: Share
    missed: Share
    false: Share
    apart: int
    right_with_apart: Share
    false_with_apart: Share

    def to_json(self) -> dict[str, object]:
        """Numbers and bounds of what can happen to this kind."""
        names = ("right", "wrong", "missed") if self.fires else ("false",)
        shares: dict[str, object] = {name: getattr(self, name).to_json() for name in names}
        whole = "right_with_apart" if self.fires else "false_with_apart"
        return {"kind": self.kind, **shares, "set_apart": self.apart, whole: getattr(self, whole).to_json()}


class Tally:
    """Counts of outcomes by kind, with and without the questions set apart."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[bool, Outcome]]] = defaultdict(Counter)
        self._fires: dict[str, bool] = {}

    def add(self, scored: Iterable[Scored]) -> None:
        """Count further outcomes."""
        for one in scored:
            self._counts[one.asked.kind][one.asked.apart, one.outcome] += 1
            self._fires[one.asked.kind] = one.asked.expected is not None

    def lines(self) -> list[Line]:
        """One line a kind, in the order in which kinds came."""
        return [self._line(kind, counts) for kind, counts in self._counts.items()]

    def _line(self, kind: str, counts: Counter[tuple[bool, Outcome]]) -> Line:
        n = sum(number for (apart, _), number in counts.items() if not apart)
        total = counts.total()

        def share(outcome: Outcome) -> Share:
            return Share(counts[False, outcome], n)

        def whole(outcome: Outcome) -> Share:
            return Share(counts[False, outcome] + counts[True, outcome], total)

        return Line(
            kind=kind,
            fires=self._fires[kind],
            right=share(Outcome.RIGHT),
            wrong=share(Outcome.WRONG),
            missed=share(Outcome.MISSED),
            false=share(Outcome.FALSE),
            apart=total - n,
            right_with_apart=whole(Outcome.RIGHT),
            false_with_apart=whole(Outcome.FALSE),
        )


@dataclass(frozen=True)
class CurvePoint:
    """Right edits on rephrasings against false fires over all locality slots, at one value of the limit."""

    level: float
    right: Share
    wrong: Share
    false: Share


def curve_point(level: float, scored: Sequence[Scored], *, must_fire: str) -> CurvePoint:
    """The point of one level; what is set apart does not count."""
    counted = [one for one in scored if not one.asked.apart]
    firing = [one.outcome for one in counted if one.asked.kind == must_fire]
    quiet = [one.outcome for one in counted if one.asked.expected is None]
    return CurvePoint(
        level,
        Share(firing.count(Outcome.RIGHT), len(firing)),
        Share(firing.count(Outcome.WRONG), len(firing)),
        Share(quiet.count(Outcome.FALSE), len(quiet)),
    )


def curve_numbers(points: Sequence[CurvePoint]) -> dict[str, float]:
    """A curve as flat numbers; ``curve_from`` reads it back."""
    found: dict[str, float] = {}
    for number, point in enumerate(points):
        values = (point.level, point.right.hits, point.wrong.hits, point.right.n, point.false.hits, point.false.n)
        found |= {f"{number} {name}": float(value) for name, value in zip(_CURVE, values, strict=True)}
    return found


def curve_from(numbers: Mapping[str, float]) -> list[CurvePoint]:
    """The points of a curve."""
    points: list[CurvePoint] = []
    for number in range(len(numbers) // len(_CURVE)):
        level, right, wrong, firing, false, quiet = (numbers[f"{number} {name}"] for name in _CURVE)
        fires, stays = int(firing), int(quiet)
        points.append(CurvePoint(level, Share(int(right), fires), Share(int(wrong), fires), Share(int(false), stays)))
    return points


_CURVE = ("level", "right", "wrong", "firing", "false", "quiet")


def right_within(points: Sequence[CurvePoint], most_false: float) -> CurvePoint | None:
    """The point with most right edits among those whose false fires stay within a share; None where none does."""
    within = [point for point in points if point.false.value is not None and point.false.value <= most_false]
    return max(within, key=lambda point: (point.right.value or 0.0, point.level), default=None)


def best_level(points: Sequence[CurvePoint], *, most_false: float) -> float:
    """The level with most right edits among those whose false fires stay within ``most_false``; else the quietest."""
    found = right_within(points, most_false)
    if found is not None:
        return found.level
    return min(points, key=lambda point: (point.false.value or 0.0, -point.level)).level
