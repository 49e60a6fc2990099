"""The one decision: which edit a question fires, for serving, rehearsal and gate alike (Eq. 12 and evidence).

Exact inner products in torch over all keys; then evidence over subject, relation and qualifiers; then the verifier,
where there is one. No index, no approximate search and no model of the language decides here.

A row fires on a question when all of this holds:

1. the question names its subject or an alias of it (rows whose own question names none need ``thresholds.unnamed``);
2. question and one of its wordings, both with the subject masked, are at least ``thresholds.relation`` similar, and
   no word of degree, timing, kind or prohibition sets them apart (``contrast_words.ask_alike``);
3. what the question states agrees with its qualifiers (``qualifiers.fits``);
4. ``z_q . z_k > z_q . z_pt + thresholds.margin`` for one of its keys;
5. the verifier agrees.

A row keeps the keys of its question (``KeyLayout``); the relation keys of its other wordings follow from their text and
are encoded when a question that names its subject is not near the one that is kept. A question that is one of the
wordings, word for word, has that wording's key: its products are its own with itself.

Of several, those of the best one's subject and relation are compared: the narrower qualifiers first, then the score,
then the newer. A row that a newer one of the same functional key shadows never fires. Whether a row clears depends on
that row and the question alone, never on what else is in memory: so a moved probe names its culprit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from editor_engine.contrast_words import ask_alike
from editor_engine.edit import Firing, Silence
from editor_engine.key_layout import is_wording, plain_wording
from editor_engine.key_matrix import KeyMatrix
from editor_engine.memory import Memory, MemoryRow
from editor_engine.memory_digest import text_sha256
from editor_engine.qualifiers import fits, specificity
from editor_engine.subject_mention import SubjectIndex, mask_subject
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import Verifier

Encode = Callable[[Sequence[str]], Tensor]
"""Texts to z_q. Shape: [n, d_key], fp32 on the CPU."""

_QUESTIONS_AT_ONCE = 256

__all__ = ["Encode", "Thresholds", "masked_wordings", "retrieve"]


class _Stage(IntEnum):
    """How far a row came; the furthest one explains a silence."""

    SUBJECT = 1
    RELATION = 2
    QUALIFIER = 3
    THRESHOLD = 4
    CLEARED = 5


_SILENCE = {
    _Stage.SUBJECT: Silence.SUBJECT_NOT_NAMED,
    _Stage.RELATION: Silence.OTHER_RELATION,
    _Stage.QUALIFIER: Silence.OTHER_QUALIFIER,
    _Stage.THRESHOLD: Silence.BELOW_THRESHOLD,
    _Stage.CLEARED: Silence.VERIFIER_REFUSED,
}


@dataclass(frozen=True)
class _Candidate:
    """A row whose subject came into question: how far it got, its score and the prototype's."""

    row: MemoryRow
    score: float
    floor: float
    stage: _Stage


@dataclass(frozen=True)
class _Search:
    """A memory prepared for look-ups: the rows that may fire, and what finds them.

    Shapes: ``keys`` [n, d_key], ``owners`` [n] (row number of a key), ``unnameable_keys`` [m] (keys that may fire
    without a subject being named).
    The keys of row ``i`` are ``first_key[i]`` up to ``first_key[i + 1]``. ``unnameable_wordings`` gives the row of a
    wording of such an edit that has no key of its own.
    """

    rows: tuple[MemoryRow, ...]
    subjects: SubjectIndex
    keys: KeyMatrix
    owners: Tensor
    first_key: tuple[int, ...]
    unnameable_keys: Tensor
    unnameable_wordings: Mapping[str, int]

    @classmethod
    def over(cls, memory: Memory) -> _Search:
        rows = tuple(row for row in memory.rows if row.edit_id not in memory.shadowed)
        nameable = [row.names_itself for row in rows]
        counts = [row.keys.shape[0] for row in rows]
        owners = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(counts))
        return cls(
            rows=rows,
            subjects=SubjectIndex({number: row.names for number, row in enumerate(rows) if nameable[number]}),
            keys=KeyMatrix.over([row.keys for row in rows]),
            owners=owners,
            first_key=(0, *accumulate(counts)),
            unnameable_keys=torch.nonzero(~torch.tensor(nameable)[owners]).flatten(),
            unnameable_wordings={
                plain_wording(text): number
                for number, row in enumerate(rows)
                if not nameable[number] and counts[number] < len(row.wordings)
                for text in row.wordings
            },
        )


def masked_wordings(row_names: Sequence[str], wordings: Sequence[str]) -> list[str]:
    """The wordings with the subject masked; a wording that does not name it stays as it is."""
    return [mask_subject(wording, row_names) or wording for wording in wordings]


_SEARCHES: WeakKeyDictionary[Memory, _Search] = WeakKeyDictionary()


def _search_of(memory: Memory) -> _Search:
    if memory not in _SEARCHES:
        _SEARCHES[memory] = _Search.over(memory)
    return _SEARCHES[memory]


def retrieve(
    questions: Sequence[str],
    memory: Memory,
    thresholds: Thresholds,
    *,
    encode: Encode,
    prototype: Tensor,
    verifier: Verifier | None = None,
) -> list[Firing]:
    """Decide for each question which edit fires, and say why where none does.

    Args:
        encode: MLP_qk over texts; called once for the questions and their masked forms, and once more where wordings
            without a key are asked for.
        prototype: z_pt. Shape: [d_key].
    """
    if not len(memory) or not questions:
        return [Firing(None, 0.0, 0.0, Silence.EMPTY_MEMORY) for _ in questions]
    search = _search_of(memory)
    named = [_forms(question, search) for question in questions]
    texts = list(dict.fromkeys([*questions, *(text for forms in named for form in forms.values() for text in form)]))
    encoded = dict(zip(texts, encode(texts), strict=True))
    z = torch.stack([encoded[question] for question in questions])
    search.keys.require_width(z.shape[1])
    distant = sorted({text for forms in named for text in _distant_wordings(forms, search, encoded, thresholds)})
    encoded.update(zip(distant, encode(distant), strict=True) if distant else ())
    found: list[Firing] = []
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        part = slice(start, start + _QUESTIONS_AT_ONCE)
        scores = search.keys.scores(z[part])
        best, nearest = scores.max(dim=1)
        each = zip(scores, (z[part] @ prototype).tolist(), best.tolist(), nearest.tolist(), strict=True)
        for number, (row_scores, floor, score, key) in enumerate(each, start=start):
            asked = _Asked(questions[number], named[number], z[number], row_scores, floor, prototype, score, key)
            found.append(_decide(asked, search, encoded, thresholds, verifier))
    return found


@dataclass(frozen=True)
class _Asked:
    """One question: its forms per row that it names, its encoding, its products with all keys and the prototype."""

    text: str
    forms: dict[int, _Form]
    z: Tensor
    scores: Tensor
    floor: float
    prototype: Tensor
    best: float
    nearest: int
    """The best of the products, and the number of its key."""


class _Form(NamedTuple):
    """A question as one row hears it: the subject masked, and every alias replaced by the subject."""

    masked: str
    by_subject: str


def _forms(question: str, search: _Search) -> dict[int, _Form]:
    forms: dict[int, _Form] = {}
    for number in search.subjects.rows_named(question):
        row = search.rows[number]
        masked = mask_subject(question, row.names)
        by_subject = question
        if mask_subject(question, [row.edit.subject]) is None:
            by_subject = mask_subject(question, row.edit.aliases, mask=row.edit.subject) or question
        if masked is not None:
            forms[number] = _Form(masked, by_subject)
    return forms


def _nearness(row: MemoryRow, masked: Tensor) -> float:
    """Similarity of a masked question and the row's relation keys. Shape: masked [d_key]."""
    return float((row.relation_keys.float() @ masked).max())


def _distant_wordings(
    forms: dict[int, _Form], search: _Search, encoded: Mapping[str, Tensor], thresholds: Thresholds
) -> Iterator[str]:
    """Masked wordings without a key of their own, of the rows that a question names and whose key it is not near."""
    for number, form in forms.items():
        row = search.rows[number]
        if len(row.relation_keys) == len(row.wordings):
            continue
        if _nearness(row, encoded[form.masked]) < thresholds.relation:
            yield from row.masked_wordings[1:]


def _decide(
    asked: _Asked,
    search: _Search,
    encoded: dict[str, Tensor],
    thresholds: Thresholds,
    verifier: Verifier | None,
) -> Firing:
    candidates = [_named_candidate(asked, search, number, encoded, thresholds) for number in sorted(asked.forms)]
    candidates += _unnamed_candidates(asked, search, thresholds)
    cleared = _by_rank([candidate for candidate in candidates if candidate.stage is _Stage.CLEARED])
    for candidate in cleared:
        if verifier is None or verifier.same_fact([(asked.text, candidate.row.edit)])[0]:
            return _fired(candidate)
    margin = asked.best - asked.floor
    stage = max((candidate.stage for candidate in candidates), default=_Stage.SUBJECT)
    silence = _SILENCE[stage]
    if stage is _Stage.SUBJECT and margin <= thresholds.margin:
        silence = Silence.BELOW_THRESHOLD
    nearest = search.rows[int(search.owners[asked.nearest])]
    return Firing(None, asked.best, margin, silence, best_edit_id=nearest.edit_id)


def _named_candidate(
    asked: _Asked, search: _Search, number: int, encoded: dict[str, Tensor], thresholds: Thresholds
) -> _Candidate:
    row, form = search.rows[number], asked.forms[number]
    z, masked = asked.z, encoded[form.masked]
    score, floor = float(asked.scores[search.first_key[number] : search.first_key[number + 1]].max()), asked.floor
    if form.by_subject != asked.text:
        z = encoded[form.by_subject]
        score, floor = float((row.keys.float() @ z).max()), float(z @ asked.prototype)
    wordings = row.masked_wordings
    relation = _nearness(row, masked)
    relation = max([relation, *(float(encoded[text] @ masked) for text in wordings if text in encoded)])
    if len(row.keys) < len(wordings) and is_wording(form.masked, wordings):
        score, relation = max(score, float(z @ z)), max(relation, float(masked @ masked))
    if relation < thresholds.relation or not ask_alike(asked.text, row.wordings):
        stage = _Stage.RELATION
    elif not fits(row.edit, asked.text):
        stage = _Stage.QUALIFIER
    elif score - floor <= thresholds.margin:
        stage = _Stage.THRESHOLD
    else:
        stage = _Stage.CLEARED
    return _Candidate(row, score, floor, stage)


def _unnamed_candidates(asked: _Asked, search: _Search, thresholds: Thresholds) -> list[_Candidate]:
    """The best row that may fire without its subject being named, if any."""
    if not thresholds.subject_must_be_named and not asked.forms:
        best = asked.nearest
    elif len(search.unnameable_keys):
        best = int(search.unnameable_keys[asked.scores[search.unnameable_keys].argmax()])
    else:
        return []
    number, score = int(search.owners[best]), float(asked.scores[best])
    own = search.unnameable_wordings.get(plain_wording(asked.text))
    if own is not None:
        number, score = own, float(asked.z @ asked.z)
    if score < thresholds.unnamed or score - asked.floor <= thresholds.margin:
        return []
    row = search.rows[number]
    return [_Candidate(row, score, asked.floor, _Stage.CLEARED if fits(row.edit, asked.text) else _Stage.QUALIFIER)]


def _by_rank(cleared: list[_Candidate]) -> list[_Candidate]:
    """Best first; among the best one's subject and relation, the narrower qualifiers lead."""
    if not cleared:
        return []
    ordered = sorted(cleared, key=lambda one: (one.score, one.row.sequence, one.row.edit_id), reverse=True)
    kind = _kind(ordered[0].row)
    same = [one for one in ordered if _kind(one.row) == kind]
    same.sort(key=lambda one: specificity(one.row.edit), reverse=True)
    return same + [one for one in ordered if _kind(one.row) != kind]


def _kind(row: MemoryRow) -> tuple[str, str]:
    return (row.edit.subject.casefold(), row.edit.relation.casefold())


def _fired(candidate: _Candidate) -> Firing:
    row = candidate.row
    return Firing(
        edit_id=row.edit_id,
        score=candidate.score,
        margin=candidate.score - candidate.floor,
        value_sha256=row.value_sha256,
        context_sha256=None if row.context is None else text_sha256(row.context),
        best_edit_id=row.edit_id,
    )
