"""Trains the bi-encoder: each question against the keys of all training edits at once, and against the prototype.

For a rephrasing q of edit i over N edits, with z_pt's product theta, ``-log exp(q.k_i / tau) / (sum_j exp(q.k_j / tau)
+ exp(theta / tau))``; for a locality the prototype is the right answer. The keys are a bank over every training edit of
a data set (``-log`` over hundreds of negatives calibrates for such a memory, not for a batch of 32): those of the batch
are encoded with gradients, the others as they were when the bank was last refreshed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from editor_engine.representation import CONSTANT
from editor_engine.text_encoder import TextEncoder
from editor_engine.training.objective import Decision, Group, Share
from editor_engine.training.orders import shuffled
from editor_engine.training.retrieval_lessons import Lesson, Lessons
from editor_engine.training.retrieval_scores import whole_memory

_LIKE_A_DUPLICATE = 0.93
"""A locality as near as this to a key without being listed as a duplicate is neither right nor wrong."""


class ContrastObjective:
    """The bi-encoder's objective over several data sets, each with a bank of its own.

    Args:
        encoder: with adapters; its representation starts as the mean.
        sets: lessons to train on.
        valid: lessons that decide.
        rows: edits of each set in a step.
        tau: temperature. refresh_every: steps between refreshed banks.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        sets: Sequence[Lessons],
        valid: Sequence[Lessons],
        *,
        rows: Sequence[int],
        seed: int = 0,
        tau: float = 0.05,
        refresh_every: int = 50,
    ) -> None:
        self.encoder, self._sets, self._valid = encoder, sets, valid
        self._rows, self._seed, self._tau, self._refresh_every = rows, seed, tau, refresh_every
        self.theta = nn.Parameter(torch.tensor(0.7))
        self._lessons = [_by_record(one) for one in sets]
        self._banks: list[Tensor] = []
        self._banks_of: int | None = None

    @property
    def batch(self) -> int:
        """Edits in a step."""
        return sum(self._rows)

    @property
    def decision(self) -> Decision:
        """Right edits at few false fires, over the whole valid memories."""
        return Decision("right at 3 % false")

    def groups(self) -> Sequence[Group]:
        """Adapters, and the prototype's product."""
        adapters = {name: one for name, one in self.encoder.trainable().items() if name.startswith("adapters.")}
        return [Group(adapters), Group({"theta": self.theta}, rate=5.0, weight_decay=0.0)]

    def loss(self, step: int, share: Share) -> Mapping[str, Tensor]:
        """The terms ``rephrasings`` and ``localities``, an edit's localities counting as one."""
        self._refresh(step)
        chosen = [(number, row) for number, rows in enumerate(self._rows) for row in self._draw(number, rows, step)]
        part = [chosen[at] for at in share.rows(len(chosen))]
        asked = [(number, row, lesson) for number, row in part for lesson in self._ask(number, row, step)]
        texts = [self._sets[number].edits[row].question for number, row in part]
        z = self._encode([*texts, *(lesson.text for _, _, lesson in asked)])
        live = [
            [(row, z[at]) for at, (number, row) in enumerate(part) if number == wanted]
            for wanted in range(len(self._sets))
        ]
        banks = [_with_live(bank, rows) for bank, rows in zip(self._banks, live, strict=True)]
        right: list[Tensor] = []
        silent: list[Tensor] = []
        for (number, row, lesson), query in zip(asked, z[len(part) :], strict=True):
            negatives = len(self._lessons[number][row][1])
            term = self._term(query, banks[number], lesson)
            if lesson.own is None:
                silent.append(term / negatives)
            else:
                right.append(term)
        zero = self.theta * 0
        return {
            "rephrasings": (torch.stack(right).sum() if right else zero) / max(len(part), 1),
            "localities": (torch.stack(silent).sum() if silent else zero) / max(len(part), 1),
        }

    def _term(self, query: Tensor, bank: Tensor, lesson: Lesson) -> Tensor:
        products = bank @ query
        left_out = torch.zeros(len(products), dtype=torch.bool, device=products.device)
        if lesson.same:
            left_out[list(lesson.same)] = True
        if lesson.own is None:
            left_out |= products.detach() > _LIKE_A_DUPLICATE
        logits = torch.cat([products.masked_fill(left_out, -1e4), self.theta.reshape(1)]) / self._tau
        target = len(products) if lesson.own is None else lesson.own
        return cross_entropy(logits.unsqueeze(0), torch.tensor([target], device=logits.device))

    def _draw(self, number: int, rows: int, step: int) -> list[int]:
        """The rows of a step: every edit of a set once before any comes again."""
        size = len(self._sets[number].edits)
        start = (step - 1) * rows
        found: list[int] = []
        for at in range(start, start + rows):
            order = Random(f"{self._seed}:{number}:{at // size}")
            found.append(shuffled(size, order)[at % size] if size else 0)
        return found

    def _ask(self, number: int, row: int, step: int) -> list[Lesson]:
        """One wording that must fire the edit, and all that must not."""
        positive, negative = self._lessons[number][row]
        random = Random(f"{self._seed}:{step}:{number}:{row}")
        return [*([random.choice(positive)] if positive else []), *negative]

    def _encode(self, texts: Sequence[str]) -> Tensor:
        """z of texts, differentiable, in order. Shape: [n, d_key]."""
        return encode_with_gradient(self.encoder, texts)

    def _refresh(self, step: int) -> None:
        period = (step - 1) // self._refresh_every
        if self._banks_of != period:
            self._banks = [self.encoder.keys(one.keys).to(self.encoder.device) for one in self._sets]
            self._banks_of = period

    def memory(self) -> Mapping[str, Tensor]:
        """The banks, as they were last refreshed."""
        found = {f"bank {number}": bank for number, bank in enumerate(self._banks)}
        return {**found, "period": torch.tensor(-1 if self._banks_of is None else self._banks_of)}

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take the banks back."""
        self._banks = [memory[f"bank {number}"].to(self.encoder.device) for number in range(len(memory) - 1)]
        period = int(memory["period"])
        self._banks_of = None if period < 0 else period

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Over each valid set's whole memory: nearest key right, and right edits at few false fires; their means."""
        numbers: dict[str, float] = {}
        for number, one in enumerate(self._valid):
            z = self.encoder.queries([lesson.text for lesson in one.lessons])
            products = z @ self.encoder.keys(one.keys).T
            found = whole_memory(products, one, most_false=(0.1, 0.03))
            numbers |= {f"{name}, set {number}": value for name, value in found.items()}
        means = [value for name, value in numbers.items() if name.startswith("right at 3 % false")]
        return {**numbers, "right at 3 % false": sum(means) / len(means)}

    def export(self, folder: Path) -> None:
        """The adapters, and z_pt with the trained product."""
        folder.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            self.encoder.representation.prototype[-1] = float(self.theta) / CONSTANT
        if self.encoder.adapters is not None:
            self.encoder.adapters.save(folder / "adapters.safetensors")
        self.encoder.representation.save(folder / "representation.safetensors")


def encode_with_gradient(encoder: TextEncoder, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
    """z of questions, differentiable, each distinct text once and like lengths together. Shape: [n, d_key]."""
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    parts = []
    for start in range(0, len(distinct), batch_size):
        states, mask = encoder.states_of(encoder.as_asked(distinct[start : start + batch_size]))
        parts.append(encoder.representation.queries(encoder.features_of(states, mask)))
    place = {text: at for at, text in enumerate(distinct)}
    return torch.cat(parts)[torch.tensor([place[text] for text in texts])]


def _by_record(lessons: Lessons) -> list[tuple[list[Lesson], list[Lesson]]]:
    found: list[tuple[list[Lesson], list[Lesson]]] = [([], []) for _ in lessons.edits]
    for lesson in lessons.lessons:
        found[lesson.record][0 if lesson.own is not None else 1].append(lesson)
    return found


def _with_live(bank: Tensor, rows: Sequence[tuple[int, Tensor]]) -> Tensor:
    if not rows:
        return bank
    return bank.index_copy(0, torch.tensor([row for row, _ in rows]), torch.stack([z for _, z in rows]))
