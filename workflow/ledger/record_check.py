"""The record compared with the chain: decisions, releases, the live pointer and the guards of the file itself.

Walking the chain (``audit.verify``) shows that its rows are whole. This shows that what other tables say is what the
chain says was done; whoever can write the file can change both, which only an anchor shows.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy import Connection, select

from workflow.change_control.signed_acts import verify_acts
from workflow.ledger import tables
from workflow.ledger.signing import verify_decisions
from workflow.ledger.taking_back import verify_reversals

GUARDED = (
    "audit",
    "site",
    "decisions",
    "documents",
    "releases",
    "release_edits",
    "reversals",
    "signatures",
    "impact_notes",
    "shards",
)
"""Tables whose rows are written once."""


def record_defects(connection: Connection) -> tuple[str, ...]:
    """Give one line for each thing that the record says and the chain does not."""
    return (
        *_missing_guards(connection),
        *verify_decisions(connection),
        *verify_reversals(connection),
        *verify_acts(connection),
        *_changed_releases(connection),
        *_moved_pointer(connection),
    )


def _missing_guards(connection: Connection) -> tuple[str, ...]:
    names = set(connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars())
    expected = [f"{table}_no_{what}" for table in GUARDED for what in ("update", "delete")]
    return tuple(f"guard {name} was taken out of the ledger file" for name in expected if name not in names)


def _changed_releases(connection: Connection) -> tuple[str, ...]:
    """Releases whose digest, cause or number of edits is not what the chain says went live."""
    audit, edits = tables.audit.c, tables.release_edits.c
    said = {}
    for row in connection.execute(select(audit.subject, audit.body).where(audit.event == "release.live")):
        body = json.loads(row.body)
        said[row.subject] = (body["digest"], body["cause"], body["edits"])
    counts: dict[int, int] = dict(
        connection.execute(select(edits.release_id, sa.func.count()).group_by(edits.release_id)).all()
    )
    lines = []
    for row in connection.execute(select(tables.releases).order_by(tables.releases.c.release_id)):
        found = (row.digest, row.cause, counts.get(row.release_id, 0))
        if said.pop(f"release:{row.release_id}", None) != found:
            lines.append(f"release {row.release_id} is not what the audit chain says went live")
    return (*lines, *(f"{subject.replace(':', ' ')} is in the audit chain but not in the ledger" for subject in said))


def _moved_pointer(connection: Connection) -> tuple[str, ...]:
    """The live pointer and the stop flag, as against the last entry that moved them."""
    audit = tables.audit.c
    query = select(audit.subject, audit.event).order_by(audit.seq.desc()).limit(1)
    last = connection.execute(query.where(audit.event == "release.live")).first()
    flag = connection.execute(query.where(audit.event.in_(("serving.stopped", "serving.started")))).first()
    live = connection.execute(select(tables.live)).first()
    pointed = None if live is None else f"release:{live.release_id}"
    lines = []
    if pointed != (last.subject if last else None):
        lines.append("the live pointer is not where the audit chain says it was put")
    if live is not None and bool(live.stopped) != bool(flag and flag.event == "serving.stopped"):
        lines.append("the stop flag is not what the audit chain says it was set to")
    return tuple(lines)
