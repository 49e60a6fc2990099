"""Everything on record about one candidate, read in one snapshot: for the rules, the queue and the screen.

Reads only. The rules themselves are in ``workflow.review_policy``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, or_, select

from workflow.errors import UsageError
from workflow.ledger.desk_tables import reversals
from workflow.ledger.intake_tables import late_warnings
from workflow.ledger.shown import shown_sha256
from workflow.ledger.tables import candidates, decisions, edits, notices, rehearsals, reviewers
from workflow.records import Action, Candidate, CandidateState, Risk, Verdict
from workflow.rehearsal_records import Rehearsal
from workflow.review_policy import Case, Signature, Upset

RIVAL_STATES = (
    CandidateState.PROPOSED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
)
_IN_MEMORY = ("live", "in_batch")  # states of an edit
_MOST_PARAMETERS = 500
_OLD, _NEW, _ORIGINAL = notices.alias("old"), notices.alias("new"), candidates.alias("original")
"""Made once: an alias copies every column of its table."""


@dataclass(frozen=True)
class Rival:
    """Another candidate or edit with another object for the same functional key."""

    name: str
    """Candidate id, or edit id."""
    object_new: str
    at: str
    words: str


@dataclass(frozen=True)
class SignedDecision:
    """One decision as it stands in the ledger."""

    decision_id: str
    reviewer_id: str
    signer_name: str
    verdict: Verdict
    meaning: str
    reason_code: str
    reason_text: str
    shown_sha256: str
    signed_at: str
    scripted: bool
    taken_back: str = ""
    """``undone`` or ``reopened`` where it counts no more, and when."""


@dataclass(frozen=True)
class CaseFile:
    """One candidate with its newest rehearsal, its signatures and what stands against it."""

    candidate_id: str
    candidate: Candidate
    state: CandidateState
    created_at: str
    run_id: str
    change_id: str | None
    reason: str | None
    defer_until: str | None
    replaced_by: str | None
    rehearsal: Rehearsal | None
    rehearsed_at: str | None
    decisions: tuple[SignedDecision, ...]
    rivals: tuple[Rival, ...]
    newer_versions: tuple[Upset, ...]
    """Newer versions of the sources that the evidence rests on."""
    fixed_by: str | None
    """Printed name of whoever wrote this object, where a reviewer did."""
    late_warnings: tuple[Upset, ...] = ()
    """What documents that came later, and say the same, have to be warned of."""

    @property
    def counted(self) -> tuple[SignedDecision, ...]:
        """The decisions that nobody took back."""
        return tuple(decision for decision in self.decisions if not decision.taken_back)

    @property
    def shown_sha256(self) -> str:
        """Hash over what a reviewer is shown."""
        return shown_sha256(self.candidate, self.rehearsal)

    def case(self) -> Case:
        """Give what the rules need."""
        return Case(
            state=self.state,
            action=self.candidate.action,
            risk=self.candidate.risk,
            in_conflict=bool(self.rivals),
            rehearsed=self.rehearsal is not None,
            shown_sha256=self.shown_sha256,
            object_new=self.candidate.object_new,
            signatures=tuple(Signature(d.reviewer_id, d.verdict, d.shown_sha256, d.signed_at) for d in self.counted),
            upsets=(
                *(Upset(rival.at, rival.words) for rival in self.rivals),
                *self.newer_versions,
                *self.late_warnings,
            ),
        )


def read_case_file(connection: Connection, candidate_id: str) -> CaseFile:
    """Read one candidate.

    Raises:
        UsageError: There is none of that id.
    """
    files = read_case_files(connection, [candidate_id])
    if not files:
        raise UsageError(f"candidate {candidate_id!r}: unknown; see `medrek-flow queue list`")
    return files[0]


def read_case_files(connection: Connection, candidate_ids: Sequence[str]) -> tuple[CaseFile, ...]:
    """Read candidates in the order asked for; ids that do not exist are left out."""
    files: dict[str, CaseFile] = {}
    for chunk in _chunks(candidate_ids):
        files |= {file.candidate_id: file for file in _read_chunk(connection, chunk)}
    return tuple(files[candidate_id] for candidate_id in candidate_ids if candidate_id in files)


def find_rivals(connection: Connection, keys: Collection[str] | None = None) -> dict[str, tuple[Rival, ...]]:
    """Find candidates and edits that give the same functional key another object.

    Args:
        connection: A read snapshot.
        keys: Functional keys to look at; all where None.

    Returns:
        Rivals by candidate id, for every open edit candidate that has some.
    """
    claims = list(_candidate_claims(connection, keys))
    held = list(_edit_claims(connection, keys, {key for key, _, _, _ in claims}))
    by_key: dict[str, list[tuple[str, str, str, str]]] = defaultdict(list)
    for key, name, said, at in claims:
        by_key[key].append((name, said, at, f"candidate {name} proposes another object for the same fact"))
    for key, name, said, at, is_live in held:
        words = (
            f"would replace edit {name} in force, which says" if is_live else f"edit {name} of a batch says otherwise"
        )
        by_key[key].append((name, said, at, words))
    found: dict[str, tuple[Rival, ...]] = {}
    for key, name, said, _ in claims:
        rivals = tuple(
            Rival(other, theirs, at, words)
            for other, theirs, at, words in by_key[key]
            if other != name and _folded(theirs) != _folded(said)
        )
        if rivals:
            found[name] = rivals
    return found


def _candidate_claims(connection: Connection, keys: Collection[str] | None) -> Iterable[tuple[str, str, str, str]]:
    columns = candidates.c
    is_open = and_(columns.state.in_(RIVAL_STATES), columns.action == Action.EDIT)
    said = func.json_extract(columns.body, "$.object_new")
    query = select(columns.functional_key, columns.candidate_id, said, columns.created_at).where(is_open)
    if keys is not None:
        query = query.where(columns.functional_key.in_(keys))
    else:
        twice = select(columns.functional_key).where(is_open).group_by(columns.functional_key)
        held = select(edits.c.functional_key).where(edits.c.state.in_(_IN_MEMORY))
        query = query.where(
            or_(columns.functional_key.in_(twice.having(func.count() > 1)), columns.functional_key.in_(held))
        )
    for row in connection.execute(query.order_by(columns.created_at, columns.candidate_id)):
        yield row[0], row[1], str(row[2]), row[3]


def _edit_claims(
    connection: Connection, keys: Collection[str] | None, wanted: set[str]
) -> Iterable[tuple[str, str, str, str, bool]]:
    columns = edits.c
    said = func.json_extract(columns.body, "$.object_new")
    query = select(columns.functional_key, columns.edit_id, said, columns.created_at, columns.state)
    query = query.where(columns.state.in_(_IN_MEMORY))
    if keys is not None:
        query = query.where(columns.functional_key.in_(keys))
    for row in connection.execute(query.order_by(columns.created_at, columns.edit_id)):
        if row[0] in wanted:
            yield row[0], row[1], str(row[2]), row[3], row[4] == "live"


def _read_chunk(connection: Connection, ids: Sequence[str]) -> Iterable[CaseFile]:
    rows = connection.execute(select(candidates).where(candidates.c.candidate_id.in_(ids))).all()
    parsed = {row.candidate_id: Candidate.model_validate_json(row.body) for row in rows}
    rehearsed = _newest_rehearsals(connection, ids)
    signed = _decisions(connection, ids)
    rivals = find_rivals(connection, {row.functional_key for row in rows})
    newer = _newer_versions(connection, parsed)
    fixers = _fixers(connection, ids)
    warned = _late_warnings(connection, ids)
    for row in rows:
        rehearsal, rehearsed_at = rehearsed.get(row.candidate_id, (None, None))
        yield CaseFile(
            candidate_id=row.candidate_id,
            candidate=parsed[row.candidate_id],
            state=CandidateState(row.state),
            created_at=row.created_at,
            run_id=row.run_id,
            change_id=row.change_id,
            reason=row.reason,
            defer_until=row.defer_until,
            replaced_by=row.replaced_by,
            rehearsal=rehearsal,
            rehearsed_at=rehearsed_at,
            decisions=tuple(signed.get(row.candidate_id, ())),
            rivals=rivals.get(row.candidate_id, ()),
            newer_versions=newer.get(row.candidate_id, ()),
            fixed_by=fixers.get(row.candidate_id),
            late_warnings=tuple(warned.get(row.candidate_id, ())),
        )


def _newest_rehearsals(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Rehearsal, str]]:
    columns = rehearsals.c
    rows = connection.execute(
        select(columns.candidate_id, columns.rehearsed_at, columns.body)
        .where(columns.candidate_id.in_(ids))
        .order_by(columns.release_id)
    )
    return {row.candidate_id: (Rehearsal.model_validate_json(row.body), row.rehearsed_at) for row in rows}


def _decisions(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[SignedDecision]]:
    by_candidate: dict[str, list[SignedDecision]] = defaultdict(list)
    arrival: ColumnElement[int] = literal_column("decisions.rowid")
    query = (
        select(decisions, reversals.c.kind, reversals.c.at)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.candidate_id.in_(ids))
        .order_by(decisions.c.signed_at, arrival)
    )
    for row in connection.execute(query):
        by_candidate[row.candidate_id].append(
            SignedDecision(
                decision_id=row.decision_id,
                reviewer_id=row.reviewer_id,
                signer_name=row.signer_name,
                verdict=Verdict(row.verdict),
                meaning=row.meaning,
                reason_code=row.reason_code,
                reason_text=row.reason_text,
                shown_sha256=row.shown_sha256,
                signed_at=row.signed_at,
                scripted=bool(row.scripted),
                taken_back=f"{row.kind} {row.at}" if row.kind else "",
            )
        )
    return by_candidate


def _newer_versions(connection: Connection, parsed: Mapping[str, Candidate]) -> dict[str, tuple[Upset, ...]]:
    cited = {e.notice_id for candidate in parsed.values() for e in candidate.evidence if e.role != "previous"}
    old, new = _OLD, _NEW
    newer: dict[str, Upset] = {}
    for chunk in _chunks(sorted(cited)):
        query = (
            select(old.c.notice_id, new.c.version, new.c.first_seen_at)
            .join(
                new,
                and_(new.c.source == old.c.source, new.c.key == old.c.key, new.c.ordinal > old.c.ordinal),
            )
            .where(old.c.notice_id.in_(chunk))
            .order_by(new.c.ordinal)
        )
        for row in connection.execute(query):
            newer[row.notice_id] = Upset(row.first_seen_at, f"the source published version {row.version} since")
    return {
        candidate_id: tuple(newer[n] for n in sorted({e.notice_id for e in candidate.evidence}) if n in newer)
        for candidate_id, candidate in parsed.items()
    }


def _late_warnings(connection: Connection, ids: Sequence[str]) -> dict[str, list[Upset]]:
    columns = late_warnings.c
    query = select(columns.candidate_id, columns.warned_at, columns.words).where(columns.candidate_id.in_(ids))
    found: dict[str, list[Upset]] = defaultdict(list)
    for row in connection.execute(query.order_by(columns.warned_at, columns.words)):
        found[row.candidate_id].append(Upset(row.warned_at, row.words))
    return found


def _fixers(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    original = _ORIGINAL
    query = (
        select(original.c.replaced_by, reviewers.c.name)
        .join(decisions, decisions.c.candidate_id == original.c.candidate_id)
        .join(reviewers, reviewers.c.reviewer_id == decisions.c.reviewer_id)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(
            original.c.replaced_by.in_(ids),
            decisions.c.verdict == Verdict.FIX_AND_APPROVE,
            reversals.c.decision_id.is_(None),
        )
    )
    return {row.replaced_by: row.name for row in connection.execute(query)}


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(values), _MOST_PARAMETERS):
        yield values[start : start + _MOST_PARAMETERS]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def effective_risk(file: CaseFile) -> Risk:
    """Give the risk that counts: high where there is a conflict."""
    return Risk.HIGH if file.rivals and file.candidate.action is Action.EDIT else file.candidate.risk
