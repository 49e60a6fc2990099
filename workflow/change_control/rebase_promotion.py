"""A prepared rebase goes live: a release with a shard of its own, signed by a release manager, by compare-and-swap.

The facts keep their signatures, which must still stand; what is signed here is the list of carriers and answers that
change. Nothing is encoded or gated at this point: the report, its gate and its shard are those that ``rebase`` left,
each checked against its digest, and they count only while live is the release that they were made from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from workflow.change_control.batch_states import UNPROMOTED
from workflow.change_control.promotion_checks import require_clock, require_signed
from workflow.change_control.rebase import RebaseReport
from workflow.change_control.release import (
    EngineIdentity,
    NewRelease,
    ReleaseRow,
    digest_of,
    read_live,
    release_rows,
    write_release,
)
from workflow.change_control.roles import Act, RebaseState
from workflow.change_control.shard_files import verify_shard_file
from workflow.change_control.signed_acts import BY_ACCOUNT, BY_PIN, person_of, sign_act
from workflow.errors import DamagedError, IllegalTransitionError, UsageError
from workflow.fault_points import reached
from workflow.identity import check_pin
from workflow.ledger import tables
from workflow.ledger.control_tables import rebases, shards
from workflow.ledger.ledger import Ledger
from workflow.records import GateVerdict


@dataclass(frozen=True)
class PreparedRebase:
    """A rebase on record."""

    rebase_id: str
    state: RebaseState
    prepared_at: str
    prepared_by: str
    report: RebaseReport
    release_id: int | None
    """The release that it became."""


def list_rebases(connection: Connection) -> tuple[PreparedRebase, ...]:
    """Read every rebase that was prepared, the newest last.

    Raises:
        DamagedError: a report is not what its hash says.
    """
    rows = connection.execute(select(rebases).order_by(rebases.c.prepared_at, rebases.c.rebase_id)).all()
    found = []
    for row in rows:
        if hashlib.sha256(row.report.encode()).hexdigest() != row.report_sha256:
            raise DamagedError(f"rebase {row.rebase_id}: its report is not what its sha256 says; prepare it again")
        report = RebaseReport.model_validate_json(row.report)
        state = RebaseState(row.state)
        found.append(PreparedRebase(row.rebase_id, state, row.prepared_at, row.prepared_by, report, row.release_id))
    return tuple(found)


def read_rebase(connection: Connection, rebase_id: str) -> PreparedRebase:
    """Read one rebase.

    Raises:
        UsageError: there is none of that name.
    """
    for one in list_rebases(connection):
        if one.rebase_id == rebase_id:
            return one
    raise UsageError(f"rebase {rebase_id!r}: unknown; see `medrek-flow rebase --list`")


def refusals(connection: Connection, prepared: PreparedRebase) -> tuple[str, ...]:
    """Say why a rebase cannot go live as things stand, a line each; empty where it can."""
    report, live = prepared.report, read_live(connection)
    waiting = select(tables.batches.c.batch_id).where(tables.batches.c.state.in_(UNPROMOTED))
    batches = list(connection.execute(waiting.order_by(tables.batches.c.ordinal)).scalars())
    lost = [edit.edit_id for edit in report.no_longer_take]
    lines = []
    if prepared.state is not RebaseState.PREPARED:
        lines.append(f"it is release {prepared.release_id} already")
    elif live is None or live.release_id != report.live_release_id:
        now = live.release_id if live else "none"
        lines.append(f"it was made from release {report.live_release_id}, but live is {now}: prepare it again")
    if report.gate.verdict is not GateVerdict.PASS or report.gate.ejected:
        lines.append(f"its gate says {report.gate.verdict}, {len(report.gate.ejected)} edit(s) ejected")
    if lost:
        lines.append(f"{len(lost)} edit(s) no longer take ({', '.join(lost[:3])}): roll them back first, or train on")
    if batches:
        lines.append(f"batches {', '.join(batches)} were rehearsed with the other engine: promote or cancel them first")
    return tuple(lines)


def promote_rebase(ledger: Ledger, memory_folder: Path, rebase_id: str, *, account: str, pin: str, reason: str) -> int:
    """Make a prepared rebase live, signed with a PIN by a release manager; return the release.

    Raises:
        UsageError: there is no such rebase, or no reason was given.
        IllegalTransitionError: it cannot go live as things stand, or the account is no release manager's.
        HeldError: signatures on a fact do not stand any more, or the clock runs behind.
        WrongPinError: the PIN is wrong.
        DamagedError: its shard or its report is not what was prepared.
    """
    with ledger.read() as connection:
        prepared = read_rebase(connection, rebase_id)
        _require(connection, prepared)
        person = person_of(connection, account)
    report = prepared.report
    verify_shard_file(memory_folder, str(report.shard_path), report.shard_sha256)
    if not person.scripted:
        check_pin(ledger, account, pin)
    with ledger.write() as transaction:
        _require(transaction.connection, prepared)
        require_clock(transaction)
        require_signed(transaction.connection, [edit.edit_id for edit in report.edits])
        new = _release(transaction.connection, report, account, reason)
        changed = {edit.edit_id: [edit.carrier, *edit.answers] for edit in report.to_sign}
        sign_act(
            transaction,
            account,
            Act.SIGN_REBASE,
            subject=f"rebase:{rebase_id}",
            reason=reason,
            shown={"digest": report.digest, "changed": changed},
            proof=BY_ACCOUNT if person.scripted else BY_PIN,
        )
        known = transaction.execute(select(shards.c.sha256).where(shards.c.path == report.shard_path)).scalar()
        if known is None:
            made = {"made_at": transaction.now, "made_by": f"rebase:{rebase_id}"}
            transaction.execute(insert(shards).values(path=report.shard_path, sha256=report.shard_sha256, **made))
        release_id = write_release(transaction, new, expected_live=report.live_release_id)
        mine = rebases.c.rebase_id == rebase_id
        transaction.execute(update(rebases).where(mine).values(state=RebaseState.PROMOTED.value, release_id=release_id))
        reached("promote.before_commit")
    return release_id


def _require(connection: Connection, prepared: PreparedRebase) -> None:
    lines = refusals(connection, prepared)
    if lines:
        raise IllegalTransitionError(f"rebase {prepared.rebase_id}: {'; '.join(lines)}")


def _release(connection: Connection, report: RebaseReport, account: str, reason: str) -> NewRelease:
    """The release that the rebase makes; its edits are exactly those in force.

    Raises:
        DamagedError: edits or digest are not those of the report.
    """
    identity = EngineIdentity(report.base_model_digest, report.encoder_digest, report.thresholds)
    rows = tuple(ReleaseRow(one.edit_id, one.batch_id, one.row_sha256, report.shard_path) for one in report.edits)
    in_force = {(row.edit_id, row.batch_id) for row in release_rows(connection, report.live_release_id)}
    digest = digest_of(identity, tuple(row.row_sha256 for row in rows))
    if {(row.edit_id, row.batch_id) for row in rows} != in_force or digest != report.digest:
        raise DamagedError(f"rebase {report.rebase_id}: its report does not name the edits in force; prepare it again")
    return NewRelease("rebase", None, identity, rows, "passed", account, reason)
