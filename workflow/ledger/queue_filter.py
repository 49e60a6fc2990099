"""What the queue can be narrowed to, and the values that occur: facets of candidates, matched in memory.

A candidate's body never changes, so its facets are read once and kept by whoever asks (``Facets``); only claims,
conflicts and ages are looked at anew each time.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from workflow.clock import utc_moment
from workflow.ledger.tables import candidates, notices

MOST_VALUES = 100
"""Values of one field that are offered; the rarest are left out."""


@dataclass(frozen=True)
class Narrowing:
    """What a list is narrowed to: within one field any of the values, all fields together; empty means whatever."""

    risks: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    drug_classes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    claimed_by: tuple[str, ...] = ()
    """Printed names; the empty one stands for nobody."""
    flagged: bool | None = None
    in_conflict: bool | None = None
    at_least_days: int | None = None
    at_most_days: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is narrowed."""
        return self == Narrowing()


@dataclass(frozen=True)
class Facet:
    """What never changes about a candidate, as filters look at it."""

    risk: str
    action: str
    relation: str
    subject: str
    """Case-folded."""
    printed: str
    """As it is written."""
    sources: tuple[str, ...]
    drug_classes: tuple[str, ...]
    change_kind: str
    flagged: bool
    created_at: str
    text: str
    """Case-folded text that a search looks in."""


@dataclass(frozen=True)
class Standing:
    """What changes about candidates, at one moment."""

    now: datetime
    holders: Mapping[str, str]
    """Printed name of who works on a candidate, by candidate."""
    in_conflict: Collection[str]


class Facets:
    """The facets of candidates, read once each; safe for several threads."""

    def __init__(self, drug_classes: Mapping[str, Collection[str]]) -> None:
        """Keep the site's drug classes: names of drugs, by class."""
        self._lock = threading.Lock()
        self._known: dict[str, Facet] = {}
        self._classes: dict[str, list[str]] = {}
        for name, drugs in drug_classes.items():
            for drug in drugs:
                self._classes.setdefault(drug.casefold().strip(), []).append(name)

    def of(self, connection: Connection, candidate_ids: Sequence[str]) -> Mapping[str, Facet]:
        """Give the facets of candidates (and maybe of others), reading those that are not known yet."""
        with self._lock:
            missing = [name for name in candidate_ids if name not in self._known]
            if missing:
                self._known |= self._read(connection, missing if len(missing) <= MOST_VALUES else None)
            return self._known

    def _read(self, connection: Connection, ids: Sequence[str] | None) -> dict[str, Facet]:
        titles = {
            row.notice_id: (str(row.source), str(row.title))
            for row in connection.execute(select(notices.c.notice_id, notices.c.source, notices.c.title))
        }
        query = select(candidates.c.candidate_id, candidates.c.created_at, candidates.c.body)
        if ids is not None:
            query = query.where(candidates.c.candidate_id.in_(ids))
        return {
            str(name): self._facet(str(name), str(created_at), body, titles)
            for name, created_at, body in connection.execute(query)
        }

    def _facet(self, name: str, created_at: str, body: str, titles: Mapping[str, tuple[str, str]]) -> Facet:
        fields = json.loads(body)
        cited = [titles.get(evidence["notice_id"], ("", "")) for evidence in fields["evidence"]]
        named = [fields.get(one) or "" for one in ("subject", "relation", "object_old", "object_new", "question")]
        subject = fields["subject"].casefold()
        known_as = {subject, *(alias.casefold() for alias in fields["aliases"])}
        of_classes = {one for drug in known_as for one in self._classes.get(drug, ())}
        return Facet(
            risk=fields["risk"],
            action=fields["action"],
            relation=fields["relation"],
            subject=subject,
            printed=fields["subject"],
            sources=tuple(dict.fromkeys(source for source, _ in cited if source)),
            drug_classes=tuple(sorted(of_classes)),
            change_kind=fields["change_kind"],
            flagged=bool(fields["flags"]),
            created_at=created_at,
            text="\n".join((name, *named, *fields["aliases"], *(" ".join(one) for one in cited))).casefold(),
        )


def fits(name: str, facet: Facet, wanted: Narrowing, standing: Standing) -> bool:
    """Tell whether a candidate is among what is wanted."""
    is_high = name in standing.in_conflict and facet.action == "edit"
    return (
        _among("high" if is_high else facet.risk, wanted.risks)
        and _among(facet.action, wanted.actions)
        and _among(facet.relation, wanted.relations)
        and _among(facet.subject, [subject.casefold() for subject in wanted.subjects])
        and _meets(facet.drug_classes, wanted.drug_classes)
        and _meets(facet.sources, wanted.sources)
        and _among(facet.change_kind, wanted.change_kinds)
        and _among(standing.holders.get(name, ""), wanted.claimed_by)
        and wanted.flagged in (None, facet.flagged)
        and wanted.in_conflict in (None, name in standing.in_conflict)
        and (wanted.at_least_days is None or _age_days(facet, standing) >= wanted.at_least_days)
        and (wanted.at_most_days is None or _age_days(facet, standing) <= wanted.at_most_days)
    )


@dataclass(frozen=True)
class Choices:
    """The values that occur, each with how many have it, the most frequent first."""

    by_field: Mapping[str, tuple[tuple[str, int], ...]]
    """By the name of a field of ``Narrowing``."""
    flagged: int
    in_conflict: int


def choices(names: Sequence[str], facets: Mapping[str, Facet], standing: Standing) -> Choices:
    """Count the values that occur among candidates."""
    found = [(name, facets[name]) for name in names if name in facets]
    spelled = {facet.subject: facet.printed for _, facet in found}
    conflicted = [name in standing.in_conflict for name, _ in found]
    subjects = Counter(facet.subject for _, facet in found)
    return Choices(
        by_field={
            "risks": _top(
                "high" if conflict and facet.action == "edit" else facet.risk
                for (_, facet), conflict in zip(found, conflicted, strict=True)
            ),
            "actions": _top(facet.action for _, facet in found),
            "relations": _top(facet.relation for _, facet in found),
            "subjects": tuple((spelled[subject], count) for subject, count in subjects.most_common(MOST_VALUES)),
            "drug_classes": _top(one for _, facet in found for one in facet.drug_classes),
            "sources": _top(one for _, facet in found for one in facet.sources),
            "change_kinds": _top(facet.change_kind for _, facet in found),
            "claimed_by": _top(standing.holders.get(name, "") for name, _ in found),
        },
        flagged=sum(facet.flagged for _, facet in found),
        in_conflict=sum(conflicted),
    )


def _age_days(facet: Facet, standing: Standing) -> int:
    return (standing.now - utc_moment(facet.created_at)).days


def _among(value: str, wanted: Collection[str]) -> bool:
    return not wanted or value in wanted


def _meets(values: Collection[str], wanted: Collection[str]) -> bool:
    return not wanted or any(value in wanted for value in values)


def _top(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(values).most_common(MOST_VALUES))
