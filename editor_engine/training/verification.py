"""Trains the cross-encoder of the verifier: which of a question's nearest edits asks for the same fact, if any.

For a question with the edits j of a group, one of them right or none, ``-log exp(s_right) / (1 + sum_j exp(s_j))``,
where the 1 stands for "none": a score above 0 says that the edit is asked for. Part of the groups is read the other
way round (key question first), so that which of the two was reworded tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from editor_engine.training.mining import Mined
from editor_engine.training.objective import Decision, Group, Share
from editor_engine.training.orders import shuffled
from editor_engine.verifier import CrossVerifier

Pair = tuple[str, str]


class VerificationObjective:
    """The cross-encoder's objective over mined groups of several data sets.

    Args:
        verifier: with adapters.
        sets: for each data set the key questions and the mined questions.
        valid: the same, never trained on.
        rows: questions of each set in a step.
        negatives: near misses that go with a question.
        turned: share of groups read the other way round.
        dropout: whether the encoder drops states while it is trained.
    """

    def __init__(
        self,
        verifier: CrossVerifier,
        sets: Sequence[tuple[Sequence[str], Sequence[Mined]]],
        valid: Sequence[tuple[Sequence[str], Sequence[Mined]]],
        *,
        rows: Sequence[int],
        seed: int = 0,
        negatives: int = 3,
        turned: float = 0.3,
        most_valid: int = 200,
        dropout: bool = True,
    ) -> None:
        self.verifier, self._sets, self._rows, self._seed = verifier, sets, rows, seed
        self._negatives, self._turned, self._dropout = negatives, turned, dropout
        self._valid = [(keys, _spread(mined, most_valid)) for keys, mined in valid]

    @property
    def batch(self) -> int:
        """Questions in a step."""
        return sum(self._rows)

    @property
    def decision(self) -> Decision:
        """The loss on valid groups."""
        return Decision("valid loss", higher_is_better=False)

    def groups(self) -> Sequence[Group]:
        """Adapters, and the layer that reads the states."""
        reader = self.verifier.reader
        adapters = {f"adapters.{name}": one for name, one in reader.adapters.named_parameters()}
        read = {f"read.{name}": one for name, one in reader.read.named_parameters()}
        return [Group(adapters), Group(read, rate=2.0)]

    def loss(self, step: int, share: Share) -> Mapping[str, Tensor]:
        """The term ``verification``."""
        chosen = [(number, at) for number, rows in enumerate(self._rows) for at in self._draw(number, rows, step)]
        part = [chosen[at] for at in share.rows(len(chosen))]
        groups = [self._group(number, at, Random(f"{self._seed}:{step}:{number}:{at}")) for number, at in part]
        self.verifier.set_dropout(on=self._dropout)
        found = self._loss_of(groups)
        self.verifier.set_dropout(on=False)
        return {"verification": found}

    def _loss_of(self, groups: Sequence[tuple[list[Pair], int]]) -> Tensor:
        count = len(groups)
        groups = [group for group in groups if group[0]]
        if not groups:
            return self.verifier.reader.read.bias.sum() * 0
        logits = self.verifier.read_pairs([pair for pairs, _ in groups for pair in pairs])
        terms: list[Tensor] = []
        parts = logits.split_with_sizes([len(pairs) for pairs, _ in groups])
        for (_, right), scores in zip(groups, parts, strict=True):
            with_none = torch.cat([scores, scores.new_zeros(1)]).unsqueeze(0)
            terms.append(cross_entropy(with_none, torch.tensor([right], device=scores.device)))
        return torch.stack(terms).sum() / count

    def _group(self, number: int, at: int, random: Random) -> tuple[list[Pair], int]:
        """Pairs of one question, the right one first, and the number of the right one (past the end: none)."""
        keys, mined = self._sets[number]
        one = mined[at]
        near = list(one.other)
        edits = [random.choice(one.same)] if one.same else []
        edits += random.sample(near, min(self._negatives, len(near)))
        turned = random.random() < self._turned
        pairs = [(keys[edit], one.text) if turned else (one.text, keys[edit]) for edit in edits]
        return pairs, 0 if one.same else len(pairs)

    def _draw(self, number: int, rows: int, step: int) -> list[int]:
        size = len(self._sets[number][1])
        return [
            shuffled(size, Random(f"{self._seed}:{number}:{at // size}"))[at % size]
            for at in range((step - 1) * rows, step * rows)
        ]

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """The loss, and how often the best pair of a question is the right one or rightly none."""
        groups = [
            ([(one.text, keys[edit]) for edit in edits], 0 if one.same else len(edits))
            for keys, mined in self._valid
            for one in mined
            if (edits := [*one.same[:1], *one.other[: self._negatives]])
        ]
        scores = self.verifier.read_pairs([pair for pairs, _ in groups for pair in pairs])
        lost, right = 0.0, 0
        parts = scores.split_with_sizes([len(pairs) for pairs, _ in groups])
        for (_, target), part in zip(groups, parts, strict=True):
            with_none = torch.cat([part, part.new_zeros(1)])
            lost += float(cross_entropy(with_none.unsqueeze(0), torch.tensor([target], device=part.device)))
            right += int(with_none.argmax()) == target
        count = max(len(groups), 1)
        return {"valid loss": lost / count, "right of group": right / count}

    def export(self, folder: Path) -> None:
        """The verifier as it stands; its evidence head is fitted by calibration."""
        folder.mkdir(parents=True, exist_ok=True)
        self.verifier.save(folder / "verifier.safetensors")


def _spread(mined: Sequence[Mined], most: int) -> Sequence[Mined]:
    """At most so many of them, evenly spread."""
    return [mined[at * len(mined) // most] for at in range(most)] if len(mined) > most else mined
