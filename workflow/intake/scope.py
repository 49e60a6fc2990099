"""What this site cares about: formulary, conditions, watched papers. Empty lists let everything in.

Out of scope is counted and searchable, never pending; nothing here drops a notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workflow.intake.extractor import NoticeText
from workflow.intake.normalise import names_stand, plain_name


class Scope(Protocol):
    """The site's three lists, as its settings hold them."""

    @property
    def drugs(self) -> Sequence[str]:
        """Formulary: generic names."""
        ...

    @property
    def conditions(self) -> Sequence[str]:
        """Conditions, as questions name them."""
        ...

    @property
    def watch_pmids(self) -> Sequence[str]:
        """Papers that the site's guidance rests on."""
        ...


def is_in_scope(scope: Scope, notice: NoticeText, about: Sequence[tuple[str, str]] = ()) -> bool:
    """Say whether a notice concerns a drug, a condition or a paper of the scope.

    Args:
        scope: The site's lists.
        notice: With its whole text.
        about: Further ``(scheme, value)`` pairs: the works that the notice makes statements about.
    """
    if not (scope.drugs or scope.conditions or scope.watch_pmids):
        return True
    watched = {("pmid", pmid) for pmid in scope.watch_pmids}
    if watched & {*notice.identifiers, *about}:
        return True
    formulary = {plain_name(name) for name in scope.drugs}
    if notice.names and formulary & {plain_name(name) for name in notice.names}:
        return True
    said = f"{notice.title} {notice.body}"
    named = () if notice.kind.value == "label" and notice.names else scope.drugs
    return names_stand((*named, *scope.conditions), said)
