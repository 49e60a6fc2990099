"""One question's scores under one system, and the columns made of them: the paper's, and the honest ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from editor_engine.benchmarks.asked import QUESTION, REPHRASE
from editor_engine.benchmarks.paper_numbers import SECONDS, average
from editor_engine.benchmarks.retrieval_scores import Outcome, Share
from editor_engine.metrics import normalised


@dataclass(frozen=True)
class QuestionScore:
    """One question of one record, with the edits of its memory in force.

    ``forced`` is the share of an answer's tokens that are the likeliest one under teacher forcing: the edit target's
    on what must fire, the unedited model's own choices along the true answer on what must stay (the paper's columns).
    ``good`` is the honest verdict by free generation: the new object said and the old one not, or the answer unmoved.
    ``reverts`` tells, where an edit took on its own question, whether the new object is gone once the edit is.
    """

    record_id: str
    kind: str
    question: str
    expected: str | None
    fired: str | None
    outcome: Outcome
    apart: bool
    forced: float
    answer: str
    before: str
    good: bool
    fluency: float
    reverts: bool | None = None


_SCORE = TypeAdapter(QuestionScore)


def score_from(line: Mapping[str, object]) -> QuestionScore:
    """A question's scores as the raw results hold them."""
    return _SCORE.validate_python({name: line[name] for name in QuestionScore.__dataclass_fields__})


@dataclass(frozen=True)
class EditBlock:
    """One system at one number of edits."""

    system: str
    edits: int | None
    edit_s: float
    apart_s: float
    without_value: int
    """Edits that got no value (a refinement that did not take), and so are in no memory."""
    paper: dict[str, float]
    honest: dict[str, Share]

    def to_json(self) -> dict[str, object]:
        """Numbers and bounds."""
        return {
            "system": self.system,
            "edits": self.edits,
            "seconds_an_edit": self.edit_s,
            "seconds_an_edit_refining_or_choosing": self.apart_s,
            "edits_without_a_value": self.without_value,
            "paper_columns": self.paper,
            "free_generation": {name: share.to_json() for name, share in self.honest.items()},
        }


def block_of(
    system: str,
    edits: int | None,
    scores: Sequence[QuestionScore],
    *,
    edit_s: float,
    apart_s: float,
    without_value: int = 0,
) -> EditBlock:
    """The columns of one system. The paper's are means over questions (not over chunks), nothing set apart."""
    slots = list(dict.fromkeys(one.kind for one in scores if one.expected is None))
    names = {QUESTION: "Eff", REPHRASE: "Gen", **{slot: slot for slot in slots}}
    paper = {
        name: 100 * _mean(one.forced for one in scores if one.kind == kind)
        for kind, name in names.items()
        if any(one.kind == kind for one in scores)
    }
    paper["Flu"] = _mean(one.fluency for one in scores if one.kind == QUESTION)
    if {"Eff", "Gen"} <= paper.keys() and slots:
        paper["Avg"] = average({**paper, "Loc": paper["Loc"]} if "Loc" in paper else paper)
    paper[SECONDS] = edit_s
    honest = {
        "takes": _share(scores, QUESTION),
        "takes, rephrased": _share(scores, REPHRASE),
        **{f"flips {slot}": _flips(scores, slot) for slot in slots},
        "gone with the edit": Share(
            sum(bool(one.reverts) for one in scores if one.reverts is not None),
            sum(one.reverts is not None for one in scores),
        ),
    }
    return EditBlock(system, edits, edit_s, apart_s, without_value, paper, honest)


def fluency(text: str) -> float:
    """100 times the mean of two- and three-gram entropy, weighted 2/3 and 4/3, in bits over words."""
    words = normalised(text)
    return 100 * (2 / 3 * _entropy(words, 2) + 4 / 3 * _entropy(words, 3)) / 2


def agreement(best: Sequence[int], wanted: Sequence[int]) -> float:
    """The share of places where two token sequences agree."""
    return sum(one == other for one, other in zip(best, wanted, strict=True)) / max(len(wanted), 1)


def _entropy(words: Sequence[str], size: int) -> float:
    counts = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values()) if total else 0.0


def _share(scores: Iterable[QuestionScore], kind: str) -> Share:
    found = [one.good for one in scores if one.kind == kind and not one.apart]
    return Share(sum(found), len(found))


def _flips(scores: Iterable[QuestionScore], slot: str) -> Share:
    found = [not one.good for one in scores if one.kind == slot and not one.apart]
    return Share(sum(found), len(found))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else float("nan")
