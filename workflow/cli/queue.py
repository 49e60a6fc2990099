"""``queue``: candidates as a list, one in full, and a decision without the review screen."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from review_tui.protocol import QueueOrder, QueueView
from workflow.cli.options import DryRun, Folder, Json, PinFd
from workflow.cli.output import banner, emit_json, note, say, table
from workflow.errors import IllegalTransitionError, UsageError, WorkflowError
from workflow.records import CandidateState, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from review_tui.protocol import MarkRequest, ReviewDesk
    from workflow.candidate_list import CandidateSummary


app = typer.Typer(help="Candidates: what waits for a decision, and deciding it.", no_args_is_help=True)

_OPEN = (CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED)
CandidateName = Annotated[str, typer.Argument(metavar="CANDIDATE")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Act as this scripted signer; demo sites only.")]


@app.command("list")
def list_all(
    state: Annotated[
        list[CandidateState] | None, typer.Option("--state", help="Only this state; may be given again.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every state, closed ones too.")] = False,
    search: Annotated[str, typer.Option("--search", help="Only where this text stands in fact or question.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    view: Annotated[
        QueueView | None, typer.Option("--view", help="One list of the review screen, in its order.")
    ] = None,
    order: Annotated[QueueOrder, typer.Option("--order", help="With --view: what comes first.")] = QueueOrder.RISK,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="FIELD=VALUE",
            help="With --view: risk, action, relation, subject, drug_class, source, change_kind, claimed_by, flagged,"
            " in_conflict, at_least_days or at_most_days; may be given again, also for one field.",
        ),
    ] = None,
    signer: As = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """List candidates, high risk first, then the oldest; without --state those that a person can decide."""
    from workflow.candidate_list import list_candidates, summarise_candidates
    from workflow.cli.opening import open_ledger, open_visit
    from workflow.intake.flood import crowds

    if view is None and only:
        raise UsageError("--only: expected --view with it; see medrek-flow queue list --help")
    if view is not None and (state or everything):
        raise UsageError("--view: expected no --state and no --all with it: a view is one already")
    states = tuple(CandidateState) if everything else tuple(state or _OPEN)
    outside = 0
    with open_ledger(folder) as opened:
        if view is not None:
            ids, outside = _ids(open_visit(opened, signer), view, search, only or [], order)
            with opened.ledger.read() as connection:
                lines = summarise_candidates(connection, ids[:limit])
        else:
            with opened.ledger.read() as connection:
                lines = list_candidates(connection, states=states, search=search, limit=limit)
        with opened.ledger.read() as connection:
            groups = crowds(connection)
    if as_json:
        rest = {} if view is None else {"view": view, "found": len(ids), "outside": outside}
        floods = [asdict(group) for group in groups]
        emit_json("queue-list", {"candidates": [asdict(line) for line in lines], "floods": floods, **rest})
        return
    for group in groups:
        note(group.words)
    rows = [_row(line) for line in lines]
    columns = ("candidate", "state", "risk", "action", "question", "now on record", "proposed", "since", "reason")
    empty = f"0 left in this filter, {outside} outside" if outside else "nothing waits for a decision"
    table(columns, rows, empty=empty if view is None or outside else "this view is empty")
    if rows and view is not None and (outside or len(ids) > limit):
        note(f"{len(rows)} of {len(ids)} shown, {outside} outside the filter")


def _ids(
    desk: ReviewDesk, view: QueueView, search: str, only: Sequence[str], order: QueueOrder
) -> tuple[list[str], int]:
    """List the ids of a view, with how many its filter leaves out."""
    from workflow.cli.queue_filter import read_filter

    found = list(desk.queue(view, search, read_filter(only), order))
    return found, max(0, desk.counts().of(view) - len(found))


@app.command("show")
def show(candidate_id: CandidateName, folder: Folder = None, as_json: Json = False, signer: As = "") -> None:
    """Show one candidate: evidence first, then what the model says now and would say."""
    from workflow.cli.candidate_view import show_candidate
    from workflow.cli.opening import open_ledger, open_visit

    with open_ledger(folder) as opened:
        view = open_visit(opened, signer).candidate(candidate_id)
        banner(opened.demo_banner)
    if as_json:
        emit_json("candidate", {"candidate": asdict(view)})
    else:
        show_candidate(view)


@app.command("decide")
def decide(
    candidate_id: CandidateName,
    verdict: Annotated[Verdict, typer.Option("--verdict", help="Your choice.")],
    reason_code: Annotated[str, typer.Option("--reason-code", help="A code of the site's list.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in your words.")] = "",
    fixed_object: Annotated[
        str, typer.Option("--fixed-object", metavar="TEXT", help="The corrected object, for fix_and_approve.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="For defer: until this day.")] = "",
    signer: As = "",
    pin_fd: PinFd = None,
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show a candidate, mark it and sign the mark with your PIN, in one go."""
    from review_tui.protocol import MarkRequest
    from review_tui.protocol import Verdict as DeskVerdict
    from workflow.cli.candidate_view import show_candidate
    from workflow.cli.opening import open_desk, open_ledger, read_day
    from workflow.identity import read_pin

    if until and verdict is not Verdict.DEFER:
        raise UsageError(f"--until: expected --verdict defer with it, got {verdict}")

    with open_ledger(folder) as opened:
        desk = open_desk(opened, signer)
        view = desk.candidate(candidate_id)
        if not as_json:
            show_candidate(view)
        if dry_run:
            say("dry run: nothing was marked or signed")
            return
        if refused := dict(view.not_allowed).get(DeskVerdict(verdict)):
            raise IllegalTransitionError(f"candidate {candidate_id}: {verdict.replace('_', ' ')}: {refused}")
        request = MarkRequest(
            candidate_id=candidate_id,
            shown_sha256=view.shown_sha256,
            verdict=DeskVerdict(verdict),
            quote_seen=not as_json,
            reason_code=reason_code or None,
            reason_text=reason,
            fixed_object=fixed_object or None,
            deferred_until=read_day(until, option="--until") if until else None,
        )
        pin = read_pin(pin_fd=pin_fd, prompt=f"PIN of {desk.who().name}: ") if desk.who().needs_pin else ""
        after = _mark_and_sign(desk, request, pin)
    if as_json:
        emit_json("queue-decide", {"candidate_id": candidate_id, "verdict": verdict, **after})
    else:
        say(f"signed: {verdict.replace('_', ' ')}; the candidate is {after['state']}", style="bold green")


def _row(line: CandidateSummary) -> tuple[object, ...]:
    fact = line.question or f"{line.subject}, {line.relation.replace('_', ' ')}"
    change = (line.object_old, line.object_new)
    return (line.candidate_id, line.state, line.risk, line.action, fact, *change, line.created_at[:10], line.reason)


def _mark_and_sign(desk: ReviewDesk, request: MarkRequest, pin: str) -> dict[str, object]:
    """Mark and sign one candidate; a refused signature takes the mark back, so that nothing is left half done.

    Raises:
        IllegalTransitionError: the site's rules refuse mark or signature.
        WorkflowError: the PIN is wrong, or signing is locked.
        UsageError: the mark vanished meanwhile.
    """
    from review_tui.protocol import RefusalKind

    marked = desk.mark(request)
    if not marked.saved:
        unseen = any(refusal.kind is RefusalKind.EVIDENCE_NOT_SEEN for refusal in marked.refusals)
        words = "; ".join(refusal.words for refusal in marked.refusals)
        step = "; run it without --json, which shows them" if unseen else ""
        raise IllegalTransitionError(f"candidate {request.candidate_id}: {words}{step}")
    mine = next((row for row in desk.marks() if row.candidate_id == request.candidate_id), None)
    if mine is None:
        raise UsageError(f"candidate {request.candidate_id}: expected the mark just made, got none; run it again")
    signed = desk.sign([mine.mark_id], pin)
    if request.candidate_id not in signed.signed:
        desk.unmark(request.candidate_id)
        if signed.pin_refused:
            raise WorkflowError(f"candidate {request.candidate_id}: {signed.pin_refused}")
        words = "; ".join(refused.words for refused in signed.refused)
        raise IllegalTransitionError(f"candidate {request.candidate_id} was not signed: {words}")
    return {"state": str(desk.candidate(request.candidate_id).state), "signatures": mine.signatures_after}
