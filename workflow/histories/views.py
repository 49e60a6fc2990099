"""One picture of all that is of record, drawn twice: from the ledger's rows, and from the naive model's books."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from workflow.clock import utc_text
from workflow.histories.release_books import ReleaseBooks

Picture = dict[str, object]
"""What is compared: names of things of record, and how they stand."""


_WORDINGS = (
    "SELECT candidate_id, json_extract(body, '$.outcomes[0].would_say') FROM rehearsals r WHERE release_id = "
    "(SELECT max(release_id) FROM rehearsals s WHERE s.candidate_id = r.candidate_id)"
)


def of_ledger(connection: Connection) -> Picture:
    """Draw the picture from the ledger."""
    rows = connection.exec_driver_sql
    releases: list[tuple[object, ...]] = [
        (row[0], row[1], row[2], row[3], row[4])
        for row in rows("SELECT release_id, cause, parent_id, check_state, digest FROM releases ORDER BY release_id")
    ]
    live = rows("SELECT release_id, stopped FROM live").one()
    return {
        "facts": dict(_pairs(rows("SELECT candidate_id, state FROM candidates"))),
        "decisions": [
            tuple(row) for row in rows("SELECT candidate_id, reviewer_id, verdict FROM decisions ORDER BY rowid")
        ],
        "taken back": sorted(
            tuple(row)
            for row in rows(
                "SELECT d.candidate_id, d.reviewer_id, d.verdict FROM reversals r "
                "JOIN decisions d ON d.decision_id = r.decision_id"
            )
        ),
        "marks": sorted(tuple(row) for row in rows("SELECT candidate_id, reviewer_id, verdict FROM marks")),
        "wordings": {row[0]: row[1] for row in rows(_WORDINGS)},
        "claims": {row[0]: (row[1], row[2]) for row in rows("SELECT candidate_id, reviewer_id, until FROM claims")},
        "versions": dict(_pairs(rows("SELECT key, count(*) FROM notices GROUP BY key"))),
        "steps": rows("SELECT count(*) FROM desk_steps").scalar(),
        "pins": rows("SELECT count(*) FROM audit WHERE event IN ('pin.refused', 'pin.accepted')").scalar(),
        "hasty": sorted(row[0] for row in rows("SELECT candidate_id FROM expedited")),
        "edits": {row[0]: (row[1], row[2]) for row in rows("SELECT edit_id, batch_id, state FROM edits")},
        "batches": {
            row[0]: (row[1], _ordered(row[2])) for row in rows("SELECT batch_id, state, ordered_by FROM batches")
        },
        "releases": releases,
        "in force": sorted(
            (row[0], row[1])
            for row in rows("SELECT edit_id, row_sha256 FROM release_edits WHERE release_id = ?", (live[0],))
        ),
        "live": (live[0], bool(live[1])),
        "acts": sorted(
            (row[0], row[1].partition(":")[0] if row[0] == "sign_envelope" else row[1], row[2])
            for row in rows("SELECT act, subject, account FROM signatures")
        ),
    }


def _pairs(rows: Iterable[tuple[object, ...]]) -> Iterable[tuple[object, object]]:
    return ((row[0], row[1]) for row in rows)


def _ordered(name: str | None) -> str:
    return "envelope" if (name or "").startswith("envelope:") else name or ""


def of_books(books: ReleaseBooks) -> Picture:
    """Draw the picture from the naive model."""
    return {
        "facts": {name: fact.state for name, fact in books.facts.items()},
        "decisions": list(books.decisions),
        "taken back": sorted(
            (name, word.person, word.verdict)
            for name, fact in books.facts.items()
            for word in fact.words
            if word.taken_back
        ),
        "marks": sorted((name, person, mark.verdict) for (name, person), mark in books.marks.items()),
        "wordings": {
            name: f"It is {fact.body.object_new}, in wording {fact.wording}."
            for name, fact in books.facts.items()
            if fact.wording
        },
        "claims": {name: (person, utc_text(until)) for name, (person, until) in books.claims.items()},
        "versions": {f"set_id:{subject}": len(told) for subject, told in books.versions.items()},
        "steps": books.steps,
        "pins": sum(len(tried) for tried in books.pins.values()),
        "hasty": sorted(name for name, fact in books.facts.items() if fact.is_hasty),
        "edits": {name: (edit.batch, edit.state) for name, edit in books.edits.items()},
        "batches": {name: (one.state, one.ordered_by.partition(" ")[0]) for name, one in books.batches.items()},
        "releases": [
            (number, one.cause, one.parent, one.check, one.digest) for number, one in enumerate(books.releases)
        ],
        "in force": sorted(books.live.rows.items()),
        "live": (books.live_id, books.stopped),
        "acts": sorted((one.act, one.subject, one.account) for one in books.acts),
    }


def first_difference(found: Picture, expected: Picture) -> str:
    """Say in one line where two pictures differ; empty where they do not."""
    for name, got in found.items():
        want = expected[name]
        if got != want:
            return f"{name}: {_difference(got, want)}"
    return ""


def _difference(got: object, want: object) -> str:
    if isinstance(got, dict) and isinstance(want, dict):
        keys = [key for key in sorted({*got, *want}) if got.get(key) != want.get(key)]
        return "; ".join(f"{key}: expected {want.get(key)}, got {got.get(key)}" for key in keys[:3])
    if isinstance(got, list) and isinstance(want, list):
        missing, extra = [one for one in want if one not in got], [one for one in got if one not in want]
        if missing or extra:
            return f"expected {missing[:3]}, got {extra[:3]} in their place"
    return f"expected {want}, got {got}"
