"""Probes: questions whose answer must not move, and check questions whose answer must. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from editor_engine.edit import Edit


class ProbeKind(StrEnum):
    """Why a question is asked."""

    CHECK = "check"
    """An edit's own question or paraphrase: the answer must be the new object."""

    NEAR_MISS = "near_miss"
    """Written beside an edit: look-alike subject, other relation, other population."""

    PORTFOLIO = "portfolio"
    """An earlier edit's question: it must go on being answered by that edit."""

    SAFETY = "safety"
    """The site's pinned set."""

    FAQ = "faq"
    """The clinical sample, judged by a bound, not one by one."""


@dataclass(frozen=True)
class Probe:
    """One question of a gate or a rehearsal.

    ``expects_new`` is what the answer must say, ``must_not_assert`` what it must not; ``edit_id`` names the edit that
    a check, near miss or portfolio question belongs to.
    """

    probe_id: str
    question: str
    kind: ProbeKind
    expects_new: str | None = None
    must_not_assert: tuple[str, ...] = ()
    expects_not_old: str | None = None
    edit_id: str | None = None


def check_probes(edits: Iterable[Edit], kind: ProbeKind = ProbeKind.CHECK) -> list[Probe]:
    """The question and paraphrases of each edit, as probes that expect its new object."""
    return [
        Probe(
            probe_id=f"{edit.edit_id}#{number}",
            question=wording,
            kind=kind,
            expects_new=edit.object_new,
            must_not_assert=edit.must_not_assert,
            expects_not_old=edit.object_old,
            edit_id=edit.edit_id,
        )
        for edit in edits
        for number, wording in enumerate((edit.question, *edit.paraphrases))
    ]
