"""MedVersa's records made from multiple-choice questions: an edit, its rephrasing, and a locality question.

Every edit gets a locality question of its own, of the same medical subject; no question serves as both. A question's
wording comes from a language model (``wording``); the counterfactual target is one of its wrong options, drawn by
seed. A record whose wording turns out unusable, or clashes with another's, is left out and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from editor_engine.datasets.mcq import Mcq
from editor_engine.datasets.near_duplicates import words
from editor_engine.datasets.records import DataError
from editor_engine.datasets.wording import (
    Ask,
    Progress,
    ReplyCache,
    Templates,
    ask_all,
    gives_away,
    question_in,
)


@dataclass(frozen=True)
class Pairing:
    """Which question is edited and which must stay: of one subject, each used once."""

    edit: Mcq
    locality: Mcq


@dataclass(frozen=True)
class Built:
    """The records in MedVersa's format, and what was left out, by reason."""

    bodies: list[dict[str, object]]
    dropped: Mapping[str, int]


def build_medversa(
    mcqs: Sequence[Mcq],
    ask: Ask,
    cache: ReplyCache,
    *,
    count: int | None = None,
    seed: int = 0,
    templates: Templates | None = None,
    at_once: int = 8,
    progress: Progress = lambda *_: None,
) -> Built:
    """At most ``count`` records, in the order in which their edits stand in the file.

    Args:
        count: how many pairs to draw, shared out over the subjects by their size; by default as many as there are.
        at_once: requests under way at the same time.

    Raises:
        DataError: no subject has two usable questions.
    """
    words_of = templates or Templates()
    pairs, dropped = draw_pairs(mcqs, count=count, seed=seed)
    sources = [one for pair in pairs for one in (pair.edit, pair.locality)]
    requests = [words_of.to_rewrite(one.question, one.answer) for one in sources]
    replies = ask_all(requests, ask, cache, at_once=at_once, what="rewriting", progress=progress)
    questions = [_clear(reply, one) for reply, one in zip(replies, sources, strict=True)]
    drafts = [
        (pair, question, locality)
        for pair, question, locality in zip(pairs, questions[::2], questions[1::2], strict=True)
        if question is not None and locality is not None
    ]
    dropped["a wording that is no question, or gives the answer away"] = len(pairs) - len(drafts)
    requests = [words_of.to_rephrase(question) for _, question, _ in drafts]
    replies = ask_all(requests, ask, cache, at_once=at_once, what="rephrasing", progress=progress)
    records = _without_clashes(drafts, [question_in(reply) for reply in replies], dropped, seed)
    return Built(records, {reason: number for reason, number in dropped.items() if number})


def draw_pairs(mcqs: Sequence[Mcq], *, count: int | None, seed: int) -> tuple[list[Pairing], Counter[str]]:
    """Edits with their locality questions, drawn by seed within each subject; and what could not be used.

    Raises:
        DataError: no subject has two usable questions.
    """
    dropped: Counter[str] = Counter(one.unfit for one in mcqs if one.unfit is not None)
    by_subject: dict[str, list[Mcq]] = defaultdict(list)
    for one in mcqs:
        if one.unfit is None:
            by_subject[one.subject_name].append(one)
    room = {subject: len(found) // 2 for subject, found in sorted(by_subject.items())}
    if not any(room.values()):
        raise DataError(f"expected two usable questions of one subject, got none among {len(mcqs)} records")
    if count is None or count >= sum(room.values()):
        dropped["no other question of its subject is left to pair it with"] = sum(
            len(found) % 2 for found in by_subject.values()
        )
    pairs: list[Pairing] = []
    for subject, wanted in shared_out(room, count).items():
        found = by_subject[subject]
        Random(f"{seed}:{subject}").shuffle(found)
        pairs += [Pairing(*found[2 * at : 2 * at + 2]) for at in range(wanted)]
    return sorted(pairs, key=lambda pair: pair.edit.number), dropped


def shared_out(room: Mapping[str, int], count: int | None) -> dict[str, int]:
    """How many to take of each subject: in proportion, remainders to the largest, never more than there is room."""
    total = sum(room.values())
    if count is None or count >= total:
        return dict(room)
    shares = {subject: count * size / total for subject, size in room.items()}
    taken = {subject: int(share) for subject, share in shares.items()}
    by_rest = sorted(room, key=lambda subject: (taken[subject] - shares[subject], subject))
    for subject in by_rest[: count - sum(taken.values())]:
        taken[subject] += 1
    return taken


def _clear(reply: str, source: Mcq) -> str | None:
    question = question_in(reply)
    return None if question is None or gives_away(question, source.answer, source.question) else question


def _without_clashes(
    drafts: Sequence[tuple[Pairing, str, str]], rephrases: Sequence[str | None], dropped: Counter[str], seed: int
) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = []
    edits: set[tuple[str, ...]] = set()
    localities: set[tuple[str, ...]] = set()
    for (pair, question, locality), rephrase in zip(drafts, rephrases, strict=True):
        mine, theirs = tuple(words(question)), tuple(words(locality))
        if rephrase is None or tuple(words(rephrase)) == mine:
            dropped["a rephrasing that is no question, or the same one"] += 1
        elif mine == theirs or mine in edits | localities or theirs in edits:
            dropped["a question that another record asks, or must leave alone"] += 1
        else:
            edits.add(mine)
            localities.add(theirs)
            kept.append(_body(pair, question, locality, rephrase, seed))
    return kept


def _body(pair: Pairing, question: str, locality: str, rephrase: str, seed: int) -> dict[str, object]:
    edit, other = pair.edit, pair.locality
    return {
        "prompt": question,
        "ground_truth": edit.answer,
        "subject_name": edit.subject_name,
        "topic_name": edit.topic_name,
        "id": edit.mcq_id,
        "locality_prompt": locality,
        "locality_ground_truth": other.answer,
        "locality_subject_name": other.subject_name,
        "locality_topic_name": other.topic_name,
        "locality_id": other.mcq_id,
        "rephrase_prompt": rephrase,
        "target_new": Random(f"{seed}:{edit.mcq_id}").choice(edit.targets),
    }
