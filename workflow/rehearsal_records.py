"""The record of a rehearsal: one candidate alone on a copy of the live memory, and what each carrier did for it."""

from __future__ import annotations

from enum import StrEnum

from workflow.records import Record


class ProbeMove(Record):
    """A near miss (or other probe) whose answer would change."""

    question: str
    kind: str
    now: str
    would_say: str


class Stance(StrEnum):
    """What an answer says of a candidate's fact."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"


class QuestionOutcome(Record):
    """One question or paraphrase of a candidate, asked on live and on the copy with the candidate staged alone."""

    question: str
    now: str
    would_say: str
    takes: bool
    """The staged answer says the new object and neither the old one nor anything on the must-not-assert list."""
    says_now: Stance | None = None
    """What the live answer says; None in records of older versions."""


class CarrierTrial(Record):
    """What one carrier did for a candidate when it was rehearsed: counts, not shares; time never decides."""

    carrier: str
    value_sha256: str | None = None
    """None where no value could be made."""
    own_taken: int = 0
    own_asked: int = 0
    """Question and paraphrases."""
    check_taken: int = 0
    check_asked: int = 0
    """Other wordings of these, made by fixed rules, on which nothing was tuned."""
    near_moved: int = 0
    near_asked: int = 0
    """Near misses with the value put in front of them all the same, as if it had fired."""
    tokens: int = 0
    value_bytes: int = 0
    steps: int = 0
    seconds: float = 0.0
    ended: str = ""
    """How the refinement ended, where it was one."""

    @property
    def line(self) -> str:
        """The trial in one line."""
        if self.value_sha256 is None:
            return f"{self.carrier}: no value ({self.ended.replace('_', ' ')})"
        return (
            f"{self.carrier}: takes {self.own_taken} of {self.own_asked}, other wordings {self.check_taken} of "
            f"{self.check_asked}, near misses moved if it fired on them {self.near_moved} of {self.near_asked}, "
            f"{self.tokens} tokens in front"
        )


class Rehearsal(Record):
    """One candidate staged alone on a copy of the live memory: now / would say / what moves."""

    candidate_id: str
    content_sha256: str
    release_id: int
    carrier: str
    outcomes: tuple[QuestionOutcome, ...]
    moves: tuple[ProbeMove, ...]
    already_says: bool
    """The live model says the new object in question and all paraphrases: no edit needed."""
    near_duplicates: tuple[str, ...] = ()
    """Edits in force that ask nearly the same under another functional key, one line each; for the reviewer's eye."""
    value_sha256: str = ""
    """The value that was rehearsed, which staging uses; empty for a withdrawal, and in records of older versions."""
    base_model_digest: str = ""
    encoder_digest: str = ""
    """What it was rehearsed with; another base model or checkpoint asks for another rehearsal."""
    trials: tuple[CarrierTrial, ...] = ()
    """Every carrier that was tried, the one chosen among them."""

    @property
    def says_now(self) -> str:
        """What live says of the fact, in one line: "the old in 3 of 4, neither in 1 of 4"; empty in older records."""
        said = [outcome.says_now for outcome in self.outcomes if outcome.says_now is not None]
        names = {Stance.NEW: "the new", Stance.OLD: "the old", Stance.NEITHER: "neither"}
        return ", ".join(f"{names[one]} in {said.count(one)} of {len(said)}" for one in Stance if one in said)

    @property
    def takes(self) -> bool:
        """Whether question and every paraphrase say the new object once staged."""
        return all(outcome.takes for outcome in self.outcomes)
