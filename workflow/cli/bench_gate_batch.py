"""A batch to measure the gate on: invented drugs, the house's wordings, and as many probes as are asked for."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from editor_engine.metrics import takes
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.question_sets import clinical_questions, demo_questions, faq_probes
from workflow.change_control.release import ReleasedEdit
from workflow.engine_seam import make_edit
from workflow.records import Candidate, ChangeKind, NearMiss, NearMissKind, Risk

if TYPE_CHECKING:
    from editor_engine import EditedModel, Editor, MemoryRow

_STEMS = (
    "cor",
    "tav",
    "mel",
    "ben",
    "zol",
    "dar",
    "fen",
    "lor",
    "nar",
    "pel",
    "quin",
    "rov",
    "sil",
    "tel",
    "ver",
    "xan",
)
_MIDDLES = ("va", "do", "li", "ne", "pra", "ru", "se", "ti", "mo", "ka")
_ENDS = ("dine", "rine", "stat", "lol", "mab", "pril", "zole", "cillin", "tide", "sone")
_DOSES = tuple(f"{amount} mg {times} daily" for amount in (5, 10, 15, 20, 40) for times in ("once", "twice"))
_TOLD = ("dose", "use", "monitoring", "interactions", "storage", "form", "price", "colour", "half-life", "onset")
_PEOPLE = ("adults", "men", "women", "children", "older adults", "athletes", "travellers", "patients with asthma")
_TRIED_BEYOND = 4
"""Edits that are tried for each one wanted: the bundled model does not take every fact as text."""


@dataclass(frozen=True)
class BenchBatch:
    """What is measured: the inputs of one gate, the live model and the staged rows."""

    inputs: GateInputs
    live: EditedModel
    rows: Mapping[str, MemoryRow]
    probes: int


def make_batch(editor: Editor, *, probes: int, edits: int, in_force: int, seed: int, max_new_tokens: int) -> BenchBatch:
    """Make a batch of edits that take alone, on a memory of others, with probes up to the number asked for.

    One edit in twenty is made to fail (its own answer is forbidden), so that verdicts have something to differ in.
    """
    taken = _that_take(editor, edits + in_force, seed, max_new_tokens)
    staged, held = taken[:edits], taken[edits:]
    staged = [_forbidden(one) if number % 20 == 19 else one for number, one in enumerate(staged)]
    batch = tuple(make_edit(one) for one in staged)
    released = tuple(_released(make_edit(one), one) for one in held)
    rows = {row.edit_id: row for row in editor.rows(list(batch), sequence=2)}
    live = editor.model()
    live = live.with_memory(live.memory.with_rows(editor.rows([make_edit(one) for one in held], sequence=1)))
    candidates = {make_edit(one).edit_id: one for one in taken[edits:]} | {
        make_edit(one).edit_id: one for one in staged
    }
    mine = sum(1 + len(one.paraphrases) + len(one.near_misses) for one in (*staged, *held))
    faq = faq_probes(list(itertools.islice(_questions(seed), max(1, probes - mine))))
    inputs = GateInputs(
        batch_id="bench",
        live_release_id=0,
        edits=batch,
        candidates=candidates,
        in_force=released,
        faq=faq,
        faq_limit=0.02,
        audit_share=0.05,
        confidence=0.95,
        max_new_tokens=max_new_tokens,
        audit_most=40,
    )
    return BenchBatch(inputs, live, rows, mine + len(faq))


def _that_take(editor: Editor, wanted: int, seed: int, max_new_tokens: int) -> list[Candidate]:
    """Candidates whose question and paraphrases say the new object when they stand alone in memory."""
    found: list[Candidate] = []
    names = _names(random.Random(seed))  # noqa: S311
    for _ in range(_TRIED_BEYOND):
        tried = [_candidate(next(names), number) for number in range(wanted)]
        built = {one.candidate_id: make_edit(one) for one in tried}
        model = editor.model()
        model = model.with_memory(model.memory.with_rows(editor.rows(list(built.values()))))
        asked = [(one, question) for one in tried for question in (one.question, *one.paraphrases)]
        answers = model.answer([question for _, question in asked], max_new_tokens=max_new_tokens)
        lost = {
            one.candidate_id
            for (one, _), answer in zip(asked, answers, strict=True)
            if not takes(answer.text, one.object_new, one.object_old)
        }
        found += [one for one in tried if one.candidate_id not in lost]
        if len(found) >= wanted:
            return found[:wanted]
    raise ValueError(f"expected {wanted} edits that take on this model, got {len(found)}; ask for fewer")


def _candidate(name: str, number: int) -> Candidate:
    new, old = _DOSES[number % len(_DOSES)], _DOSES[(number + 3) % len(_DOSES)]
    return Candidate(
        subject=name,
        relation="recommended_dose",
        object_new=new,
        object_old=old,
        question=f"What is the recommended dose of {name}?",
        paraphrases=(f"How much {name} is recommended?", f"Which dose of {name} is recommended?"),
        near_misses=(
            NearMiss(question=f"What is {name} used for?", kind=NearMissKind.OTHER_RELATION),
            NearMiss(question=f"What is the maximum daily dose of {name}?", kind=NearMissKind.OTHER_RELATION),
        ),
        change_kind=ChangeKind.REVISED,
        risk=Risk.HIGH,
        extractor="bench/1",
    )


def _forbidden(candidate: Candidate) -> Candidate:
    return candidate.model_copy(update={"must_not_assert": (candidate.object_new,)})


def _released(edit: Edit, candidate: Candidate) -> ReleasedEdit:
    return ReleasedEdit(
        edit_id=edit.edit_id,
        batch_id="b0001",
        candidate_id=candidate.candidate_id,
        row_sha256="",
        functional_key=edit.functional_key,
        subject=edit.subject,
        relation=edit.relation,
        qualifiers=edit.qualifiers,
        object_new=edit.object_new,
        question=edit.question,
        batch_ordinal=1,
    )


def _names(chance: random.Random) -> Iterator[str]:
    """Invented drug names, each once, in a shuffled order."""
    parts: Sequence[tuple[str, str, str]] = list(itertools.product(_STEMS, _MIDDLES, _ENDS))
    every = ["".join(part) for part in parts]
    chance.shuffle(every)
    yield from every
    for number in itertools.count(2):
        yield from (f"{name}{number}" for name in every)


def _questions(seed: int) -> Iterator[str]:
    """Questions that no edit is about: the demo model's, the clinical ones, then invented drugs of another seed."""
    yield from demo_questions()
    yield from clinical_questions()
    chance = random.Random(seed + 1)  # noqa: S311
    names = (f"{name}ex" for name in _names(chance))
    for name in names:
        for told, people in itertools.product(_TOLD, _PEOPLE):
            yield f"What is known about the {told} of {name} in {people}?"
