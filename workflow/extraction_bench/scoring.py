"""The numbers of a run: pairs, false facts, flips, hedges, qualifiers, numbers, quotes, what reviewers are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workflow.extraction_bench.bounds import Counts, Rate, Score, score
from workflow.extraction_bench.facts import Found, Reply
from workflow.extraction_bench.gold import Case, Item, Pair, pair_of
from workflow.intake.normalise import population_stands
from workflow.intake.phrases import AMOUNT
from workflow.intake.sentences import tokens
from workflow.records import Certainty, Polarity

_SUPPORT = 0.5
"""Least overlap of a quote's tokens with an annotated span (intersection over union) to count as its support."""
_KINDS = {"mechanism": "mechanism", "effect": "effect", "unspecified": "int"}
_INTERACTING = frozenset({"interacts_with", "contraindicated_with"})


@dataclass
class Tally:
    """What is counted while the cases go by."""

    cases: int = 0
    facts: int = 0
    grounded_before: int = 0
    standing: int = 0
    grounded_after: int = 0
    attention: int = 0
    valid: int = 0
    empty: int = 0
    empty_with_fact: int = 0
    denied: int = 0
    flipped: int = 0
    hedged: int = 0
    inflated: int = 0
    hedged_found: int = 0
    qualifiers: int = 0
    qualifiers_lost: int = 0
    numbers: int = 0
    numbers_quoted: int = 0
    spans: int = 0
    spans_supported: int = 0
    right: int = 0
    detection: list[Counts] = field(default_factory=list)
    typed: list[Counts] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, reply: Reply) -> None:
        """Count one case and what was said of it."""
        said = [one for one in reply.found if one.stands and one.candidate.polarity is Polarity.AFFIRMED]
        self.cases += 1
        self.valid += reply.valid
        self.refused.update(reply.refused)
        self.refused.update(reason for one in reply.found if not one.stands for reason in one.reasons)
        self._count_quotes(reply.found)
        self._count_items(case, said)
        if case.is_empty:
            self.empty += 1
            self.empty_with_fact += bool(said)
        if case.counts_pairs:
            self._count_pairs(case, said)
        self._count_spans(case, said)
        self.right += sum(any(matches(item, one) and not item.denied for item in case.items) for one in said)

    def _count_quotes(self, found: Sequence[Found]) -> None:
        for one in found:
            self.facts += 1
            self.grounded_before += one.grounded
            if one.stands:
                self.standing += 1
                self.grounded_after += one.grounded
                self.attention += one.outcome == "attention"
            amounts = [match.group() for match in AMOUNT.finditer(one.candidate.object_new)]
            if one.stands and amounts:
                self.numbers += 1
                quotes = [tokens(piece.quote) for piece in one.candidate.evidence if piece.role == "claim"]
                self.numbers_quoted += all(any(stands(tokens(a), quote) for quote in quotes) for a in amounts)

    def _count_items(self, case: Case, said: Sequence[Found]) -> None:
        for item in case.items:
            about = [one for one in said if matches(item, one)]
            if item.denied:
                self.denied += 1
                self.flipped += bool(about)
            elif item.hedged:
                self.hedged += 1
                self.hedged_found += bool(about)
                self.inflated += any(one.candidate.certainty is Certainty.DEFINITE for one in about)
            if about and not item.denied:
                self.qualifiers += len(item.qualifiers)
                self.qualifiers_lost += sum(not _carried(value, about) for value in item.qualifiers.values())

    def _count_pairs(self, case: Case, said: Sequence[Found]) -> None:
        gold = {pair_of(item.one, item.other): item.kind for item in case.items if not item.denied}
        gold = {pair: kind for pair, kind in gold.items() if pair[0] != pair[1]}
        kinds = pairs_said(case, said)
        right = sum(pair in gold for pair in kinds)
        self.detection.append(Counts(case.document, right, len(kinds) - right, len(gold) - right))
        if any(gold.values()):
            self._typed(case, gold, kinds)
        elif any(kind for kind in gold.values()) or case.is_empty:
            self.typed.append(Counts(case.document, 0, len(kinds), 0))

    def _typed(self, case: Case, gold: Mapping[Pair, str], kinds: Mapping[Pair, str]) -> None:
        right = sum(gold.get(pair) == kind for pair, kind in kinds.items())
        self.typed.append(Counts(case.document, right, len(kinds) - right, len(gold) - right))

    def _count_spans(self, case: Case, said: Sequence[Found]) -> None:
        spans = [item.span for item in case.items if item.span is not None]
        if not spans:
            return
        annotated = [tokens(case.text[start:end]) for start, end in spans]
        for one in said:
            quotes = [tokens(piece.quote) for piece in one.candidate.evidence if piece.role == "claim"]
            self.spans += 1
            self.spans_supported += any(_overlap(quote, span) >= _SUPPORT for quote in quotes for span in annotated)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Pairs found, whatever their type, and of the right type where the set has types."""
        found = [score("pairs, detection", self.detection)] if self.detection else []
        if any(one.right + one.missed for one in self.typed):
            found.append(score("pairs, typed", self.typed))
        return tuple(found)

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The shares, those without a single observation left in: nothing to count is an answer too."""
        return (
            Rate("false facts on texts without one", self.empty_with_fact, self.empty, "<= 5 %"),
            Rate("negation flips", self.flipped, self.denied, "<= 3 %"),
            Rate("hedge inflation, of all hedged facts", self.inflated, self.hedged),
            Rate("hedge inflation, of those found", self.inflated, self.hedged_found),
            Rate("qualifiers lost, of facts found", self.qualifiers_lost, self.qualifiers),
            Rate("numbers that stand in the quote", self.numbers_quoted, self.numbers, "100 %"),
            Rate("quotes grounded before the wall", self.grounded_before, self.facts),
            Rate("quotes grounded after the wall", self.grounded_after, self.standing, "100 %"),
            Rate("quotes on an annotated span", self.spans_supported, self.spans),
            Rate("replies that fit the schema", self.valid, self.cases),
            Rate("facts shown that are annotated", self.right, self.standing),
        )

    @property
    def reviewer_load(self) -> float | None:
        """Facts shown for each one that is right; None where none is."""
        return self.standing / self.right if self.right else None


def matches(item: Item, found: Found) -> bool:
    """Say whether a fact is about an item's two sides, in either order, word for word."""
    subject, said = tokens(found.candidate.subject), tokens(found.candidate.object_new)
    one, other = tokens(item.one), tokens(item.other)
    return (_about(subject, one) and _about(said, other)) or (_about(subject, other) and _about(said, one))


def pairs_said(case: Case, said: Sequence[Found]) -> dict[Pair, str]:
    """Give the pairs that the facts say interact, with their type; what names no known drug is a pair of its own."""
    names = {tokens(name): name for name in case.names}
    kinds: dict[Pair, str] = {}
    for found in said:
        candidate = found.candidate
        if candidate.relation not in _INTERACTING:
            continue
        left = list(_named(candidate.subject, names)) or [candidate.subject]
        right = list(_named(candidate.object_new, names)) or [candidate.object_new]
        kind = _KINDS.get(candidate.qualifiers.get("kind", ""), "advise")
        for one in left:
            for other in right:
                if (pair := pair_of(one, other))[0] != pair[1]:
                    kinds.setdefault(pair, kind)
    return kinds


def _named(text: str, names: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    said = tokens(text)
    if said in names:
        yield names[said]
        return
    yield from (name for words, name in names.items() if words and stands(words, said))


def _about(said: tuple[str, ...], named: tuple[str, ...]) -> bool:
    return bool(said and named) and (stands(named, said) or stands(said, named))


def stands(words: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Say whether words stand in a text, one after the other."""
    return any(text[at : at + len(words)] == words for at in range(len(text) - len(words) + 1))


def _carried(value: str, about: Sequence[Found]) -> bool:
    return any(
        any(population_stands(value, said) for said in (*one.candidate.qualifiers.values(), one.candidate.object_new))
        for one in about
    )


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    left, right = Counter(one), Counter(other)
    both = sum((left & right).values())
    return both / sum((left | right).values()) if both else 0.0
