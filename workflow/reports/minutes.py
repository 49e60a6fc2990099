"""The decisions of some days as a page for the minutes of the P&T committee: what was decided, by whom, and why.

Read from the ledger alone. Candidates that were made false on purpose are left out: they are no decisions about a fact.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, select

from workflow.desk.reasons import reason_words
from workflow.ledger.case_file import CaseFile, SignedDecision, read_case_files
from workflow.ledger.desk_tables import seeded_candidates
from workflow.ledger.tables import batches, decisions, edits, releases
from workflow.records import Action, Verdict
from workflow.reports.render import environment
from workflow.status import DEMO_LINE, ONE_SIGNER_LINE, TRUST_LINE

HEADINGS = (
    ("approved", "Approved: what the model is to say"),
    ("withdrawn", "Withdrawals approved"),
    ("waiting", "Waiting for a second signature"),
    ("corrected", "Corrected by a reviewer"),
    ("rejected", "Rejected"),
    ("deferred", "Deferred"),
    ("closed", "Closed without an edit"),
    ("flagged", "Answers that were called wrong"),
)


@dataclass(frozen=True)
class Signer:
    """One signature, as it is printed."""

    name: str
    signed_at: str
    meaning: str
    why: str


@dataclass(frozen=True)
class MinutesLine:
    """What was decided about one candidate."""

    candidate_id: str
    kind: str
    """Heading under which it stands."""
    fact: str
    question: str
    object_old: str
    object_new: str
    risk: str
    signers: tuple[Signer, ...]
    taken_back: tuple[str, ...]
    """Decisions that count no more, one line each."""
    now: str
    """Where it stands today."""
    sources: int


@dataclass(frozen=True)
class ReleaseNote:
    """A release that went live in these days."""

    release_id: int
    created_at: str
    cause: str
    batch_id: str
    actor: str
    reason: str


@dataclass(frozen=True)
class Minutes:
    """The page."""

    site_name: str
    since: str
    until: str
    signer_profile: str
    warnings: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    lines: tuple[MinutesLine, ...]
    releases: tuple[ReleaseNote, ...]


def gather_minutes(
    connection: Connection, *, since: str, until: str, site_name: str, site_kind: str, signer_profile: str
) -> Minutes:
    """Gather what was signed from ``since`` on and before ``until`` (UTC, as the ledger writes it)."""
    false = select(seeded_candidates.c.candidate_id)
    signed = (
        select(decisions.c.candidate_id)
        .where(decisions.c.signed_at >= since, decisions.c.signed_at < until, decisions.c.candidate_id.not_in(false))
        .group_by(decisions.c.candidate_id)
        .order_by(decisions.c.candidate_id)
    )
    ids = [str(name) for name in connection.execute(signed).scalars()]
    placed = _places(connection, ids)
    lines = [_line(file, since, until, placed) for file in read_case_files(connection, ids)]
    order = [kind for kind, _ in HEADINGS]
    lines.sort(key=lambda line: (order.index(line.kind), line.fact.casefold(), line.candidate_id))
    counts = Counter(line.kind for line in lines)
    warnings = [DEMO_LINE] if site_kind == "demo" else []
    warnings += [ONE_SIGNER_LINE] if signer_profile == "one_signer" else []
    return Minutes(
        site_name=site_name,
        since=since,
        until=until,
        signer_profile=signer_profile.replace("_", " "),
        warnings=(*warnings, TRUST_LINE),
        counts=tuple((title, counts[kind]) for kind, title in HEADINGS if counts[kind]),
        lines=tuple(lines),
        releases=_releases(connection, since, until),
    )


def render_minutes(minutes: Minutes, *, as_html: bool) -> str:
    """Write the page, in HTML or Markdown, so that no outside text acts in it."""
    kind = "html" if as_html else "markdown"
    template = environment(kind).get_template("minutes.html.j2" if as_html else "minutes.md.j2")
    page = template.render(minutes=minutes, headings=HEADINGS)
    return page + "\n" if as_html else re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _line(file: CaseFile, since: str, until: str, placed: dict[str, str]) -> MinutesLine:
    candidate = file.candidate
    mine = [one for one in file.decisions if since <= one.signed_at < until]
    qualifiers = ", ".join(candidate.qualifiers.values())
    return MinutesLine(
        candidate_id=file.candidate_id,
        kind=_kind(file, mine),
        fact=", ".join(filter(None, (candidate.subject, candidate.relation.replace("_", " "), qualifiers))),
        question=candidate.question,
        object_old=candidate.object_old or "",
        object_new=candidate.object_new,
        risk=candidate.risk,
        signers=tuple(_signer(one) for one in mine if not one.taken_back),
        taken_back=tuple(
            f"{one.verdict.replace('_', ' ')} of {one.signer_name}, {one.signed_at}: {one.taken_back}"
            for one in mine
            if one.taken_back
        ),
        now=placed.get(file.candidate_id) or _standing(file),
        sources=len({evidence.notice_id for evidence in candidate.evidence}),
    )


def _kind(file: CaseFile, mine: list[SignedDecision]) -> str:
    if file.candidate.action is Action.FLAG:
        return "flagged"
    last = [one for one in mine if not one.taken_back] or mine
    verdict = last[-1].verdict
    if verdict is Verdict.APPROVE:
        if file.state == "awaiting_second":
            return "waiting"
        return "withdrawn" if file.candidate.action is Action.WITHDRAW else "approved"
    return {
        Verdict.FIX_AND_APPROVE: "corrected",
        Verdict.REJECT: "rejected",
        Verdict.DEFER: "deferred",
        Verdict.CLOSE: "closed",
    }[verdict]


def _signer(one: SignedDecision) -> Signer:
    name = one.signer_name + (" (scripted)" if one.scripted else "")
    return Signer(name, one.signed_at, one.meaning, reason_words(one.verdict, one.reason_code, one.reason_text))


def _standing(file: CaseFile) -> str:
    words = file.state.replace("_", " ")
    return f"{words}: {file.reason}" if file.reason else words


def _places(connection: Connection, ids: list[str]) -> dict[str, str]:
    """Say of each candidate that became an edit where that stands."""
    found = {}
    for start in range(0, len(ids), 500):
        query = (
            select(edits.c.candidate_id, edits.c.state, batches.c.batch_id, batches.c.state, batches.c.release_id)
            .join(batches, batches.c.batch_id == edits.c.batch_id)
            .where(edits.c.candidate_id.in_(ids[start : start + 500]))
        )
        for candidate_id, edit, batch_id, batch, release_id in connection.execute(query):
            live = f"live in release {release_id}" if edit == "live" else edit.replace("_", " ")
            found[str(candidate_id)] = f"{live} (batch {batch_id}, {batch.replace('_', ' ')})"
    return found


def _releases(connection: Connection, since: str, until: str) -> tuple[ReleaseNote, ...]:
    columns = releases.c
    query = select(
        columns.release_id, columns.created_at, columns.cause, columns.batch_id, columns.actor, columns.reason
    ).where(columns.created_at >= since, columns.created_at < until, columns.cause != "initial")
    return tuple(
        ReleaseNote(row[0], row[1], row[2].replace("_", " "), row[3] or "", row[4], row[5])
        for row in connection.execute(query.order_by(columns.release_id))
    )
