"""Invents names, amounts, phrases and sentences, freely enough that nobody can learn them by heart.

Owns the line between training and evaluation: ``is_held_out`` decides by a hash of the text, so
that no list has to be kept and no run can draw a held-out text into training.
"""

import tomllib
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib.resources import files
from random import Random
from typing import NamedTuple

HELD_OUT_OF = 8
"""One text in this many is kept for evaluation."""


class Split(StrEnum):
    """Which side of the line invented texts are drawn from."""

    TRAIN = "train"
    HELD_OUT = "held_out"


class ObjectKind(StrEnum):
    """What an object looks like; rates are reported for each."""

    NAME = "name"
    AMOUNT = "amount"
    DOSE = "dose"
    RANGE = "range"
    CONDITION = "condition"
    WARNING = "warning"
    VERDICT = "verdict"
    JUMBLE = "jumble"
    CODE = "code"
    SENTENCE = "sentence"


class _Vocabulary(NamedTuple):
    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...]
    endings: tuple[str, ...]
    salts: tuple[str, ...]
    units: tuple[str, ...]
    frequencies: tuple[str, ...]
    populations: tuple[str, ...]
    effects: tuple[str, ...]
    modifiers: tuple[str, ...]
    organs: tuple[str, ...]
    disorders: tuple[str, ...]
    words: tuple[str, ...]
    unusual: tuple[str, ...]


def _entries(text: str) -> tuple[str, ...]:
    parts = text.split(";") if ";" in text else text.split()
    return tuple(" ".join(part.split()) for part in parts)


@cache
def _vocabulary() -> _Vocabulary:
    raw = files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return _Vocabulary(**{name: _entries(text) for name, text in tomllib.loads(raw).items()})


def is_held_out(text: str) -> bool:
    """Whether an invented text belongs to evaluation, whatever its case."""
    return sha256(text.lower().encode()).digest()[0] % HELD_OUT_OF == 0


class FreeText:
    """Draws invented texts from one side of the line.

    Args:
        rng: the only source of chance; equal states give equal texts.
        split: the side.
    """

    def __init__(self, rng: Random, split: Split) -> None:
        self._rng = rng
        self._wants_held_out = split is Split.HELD_OUT
        self._lists = _vocabulary()
        self._makers: dict[ObjectKind, Callable[[], str]] = {
            ObjectKind.NAME: self._two_names,
            ObjectKind.AMOUNT: self._amount,
            ObjectKind.DOSE: self._dose,
            ObjectKind.RANGE: self._range,
            ObjectKind.CONDITION: self._condition,
            ObjectKind.WARNING: self._warning,
            ObjectKind.VERDICT: self._verdict,
            ObjectKind.JUMBLE: self._jumble,
            ObjectKind.CODE: self._code,
            ObjectKind.SENTENCE: self._sentence,
        }

    def object(self, kind: ObjectKind) -> str:
        """An object of that kind, from this side of the line, without final full stop."""
        return self._on_this_side(self._makers[kind])

    def name(self) -> str:
        """One drug-like word."""
        return self._on_this_side(self._word)

    def subject(self) -> str:
        """A drug-like name, or a condition."""
        return self._on_this_side(self._two_names if self._chance(0.8) else self._condition)

    def stutter(self) -> str:
        """Few pieces in random order, many times: copied only by who keeps the place."""
        pieces = [self._stuttered_piece() for _ in range(self._rng.randint(2, 5))]
        return "".join(self._rng.choices(pieces, k=self._rng.randint(4, 16))).strip()

    def noun_phrase(self) -> str:
        """One to three plain words, for questions."""
        return self._plain_words(self._rng.choices((1, 2, 3), (5, 3, 1))[0])

    def population(self) -> str:
        """A group of patients."""
        return self._pick(self._lists.populations)

    def effect(self) -> str:
        """A verb phrase such as "reduce pain"."""
        return self._pick(self._lists.effects)

    def _on_this_side(self, make: Callable[[], str]) -> str:
        text = make()
        while is_held_out(text) is not self._wants_held_out:
            text = make()
        return text

    def _pick(self, entries: tuple[str, ...]) -> str:
        return self._rng.choice(entries)

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _plain_words(self, count: int) -> str:
        return " ".join(self._rng.choices(self._lists.words, k=count))

    def _syllable(self) -> str:
        coda = self._pick(self._lists.codas) if self._chance(0.35) else ""
        return self._pick(self._lists.onsets) + self._pick(self._lists.nuclei) + coda

    def _word(self) -> str:
        stem = "".join(self._syllable() for _ in range(self._rng.choices((1, 2, 3), (3, 5, 2))[0]))
        word = stem + (self._pick(self._lists.endings) if self._chance(0.6) else "")
        return word.capitalize() if self._chance(0.15) else word

    def _stuttered_piece(self) -> str:
        shape = self._rng.random()
        if shape < 0.3:
            return self._syllable()
        if shape < 0.6:
            return self._rng.choice("0000123456789., ")
        return f" {self._plain_words(1)}" if shape < 0.9 else f" {self._number()}"

    def _two_names(self) -> str:
        shape = self._rng.random()
        if shape < 0.75:
            return self.name()
        if shape < 0.85:
            return f"{self.name()} {self._pick(self._lists.salts)}"
        joint = self._rng.choice((" and ", " ", "-", " or ", "/"))
        return f"{self.name()}{joint}{self.name()}"

    def _number(self) -> str:
        shape = self._rng.random()
        if shape < 0.45:
            return str(self._rng.randint(1, 99))
        if shape < 0.65:
            return str(self._rng.choice((5, 10, 25, 50, 100)) * self._rng.randint(1, 40))
        if shape < 0.95:
            return f"{self._rng.choice((0, 0, self._rng.randint(1, 99)))}.{self._rng.randint(1, 999)}"
        return f"{self._rng.randint(1, 99)},{self._rng.randint(0, 999):03d}"

    def _amount(self) -> str:
        unit = self._pick(self._lists.units)
        return f"{self._number()}{'' if unit == '%' else ' '}{unit}"

    def _dose(self) -> str:
        dose = f"{self._amount()} {self._pick(self._lists.frequencies)}"
        if self._chance(0.2):
            dose += f"{self._rng.choice((', then', ' or', ' and', ', up to'))} {self._amount()}"
        return f"{dose} {self._pick(self._lists.frequencies)}" if self._chance(0.25) else dose

    def _range(self) -> str:
        joint = self._rng.choice((" to ", "-", " or "))
        frequency = f" {self._pick(self._lists.frequencies)}" if self._chance(0.5) else ""
        return f"{self._number()}{joint}{self._amount()}{frequency}"

    def _condition(self) -> str:
        if self._chance(0.1):
            return self.population()
        words = [self._pick(self._lists.organs), self._pick(self._lists.disorders)]
        if self._chance(0.6):
            words.insert(0, self._pick(self._lists.modifiers))
        if self._chance(0.2):
            words.insert(0, self._rng.choice(("history of", "risk of", "type 2", self.name())))
        return " ".join(words)

    def _warning(self) -> str:
        joint = self._rng.choice((" and ", ", ", " or ", " with ", " after "))
        if self._chance(0.4):
            return f"{self._condition()}{joint}{self._condition()}"
        return f"{self._pick(self._lists.modifiers)} {self._plain_words(2)}{joint}{self._condition()}"

    def _verdict(self) -> str:
        opening = self._rng.choice(
            ("yes", "no", "Yes", "No", "Not supported", "not supported", "only", "never", "not any more")
        )
        rest = self._rng.choice(
            (
                "the trial was retracted",
                f"the {self._plain_words(1)} was {self._plain_words(1)}",
                f"it {self._plain_words(self._rng.randint(1, 4))}",
                f"{self._plain_words(1)} in {self._condition()}",
                f"avoid it in {self.population()}",
                f"{self._plain_words(2)} {self._amount()}",
            )
        )
        return f"{opening}{self._rng.choice((':', ',', ',', ' if', ' because'))} {rest}"

    def _jumble(self) -> str:
        count = self._rng.randint(1, 5)
        return " ".join(self.name() if self._chance(0.6) else self._plain_words(1) for _ in range(count))

    def _code(self) -> str:
        shape = self._rng.random()
        if shape < 0.3:
            return f"{self._pick(self._lists.unusual)} {self._amount()}"
        digits = "".join(self._rng.choices("0123456789", k=self._rng.randint(2, 8)))
        prefix = self._rng.choice(("PMID ", "NCT", "EU-", "v", "", "set ", "no. ", self._letters()))
        suffix = f" ({self._letters()})" if self._chance(0.2) else ""
        return f"{prefix}{digits}{suffix}"

    def _letters(self) -> str:
        letters = self._rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-", k=3)
        return "".join(letters).strip("-") or "q"

    def _sentence(self) -> str:
        words = [self._sentence_word() for _ in range(self._rng.randint(6, 13))]
        if self._chance(0.4):
            words[0] = words[0].capitalize()
        if self._chance(0.35):
            at = self._rng.randint(1, len(words) - 2)
            words[at] += self._rng.choice((",", ",", ";", ":", "."))
        return " ".join(words)

    def _sentence_word(self) -> str:
        shape = self._rng.random()
        if shape < 0.8:
            return self._plain_words(1)
        if shape < 0.88:
            return self.name()
        if shape < 0.95:
            return self._amount()
        return self._pick(self._lists.disorders)
