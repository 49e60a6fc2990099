"""A candidate as lines of text: evidence before the suggestion, as on the review screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow.cli.output import fields, say

if TYPE_CHECKING:
    from review_tui.protocol import CandidateView, EvidenceView, RehearsalView


def show_candidate(view: CandidateView) -> None:
    """Print everything that a reviewer sees of a candidate."""
    say(
        f"candidate {view.candidate_id} ({view.state.replace('_', ' ')}, {view.risk} risk, {view.action})", style="bold"
    )
    for flag in view.flags:
        say(f"! {flag}", style="bold yellow")
    for conflict in view.conflicts:
        say(f"conflict: {conflict}", style="bold red")
    if view.withdraws:
        say(f"would take out: {view.withdraws}", style="bold")
    for evidence in view.evidence:
        _show_evidence(evidence)
    qualifiers = tuple(f"{name}={value}" for name, value in view.qualifiers)
    old = f"{view.object_old} (from {view.object_old_origin})" if view.object_old else "not on record"
    fields(
        (
            ("fact", ", ".join((view.subject, view.relation, *qualifiers))),
            ("question", view.question),
            ("now on record", old),
            ("proposed", view.object_new),
            ("proposed by", f"{view.extractor}, from a change of kind {view.change_kind}"),
            ("signatures", f"{len(view.signed_by)} of {view.required_signatures}"),
        )
    )
    for check in view.checks:
        sign = {True: "✓", False: "✗", None: "·"}[check.passed]
        say(f"{sign} {check.name}: {check.words}", style="bold red" if check.passed is False else "")
    for line in view.signed_by:
        say(f"  signed by {line}")
    for line in view.signatures_void:
        say(f"  does not count any more: {line}", style="yellow")
    for warning in view.dismissed:
        say(f"  {warning.who} approved although warned: {warning.words}", style="yellow")
    if view.fixed_from is not None:
        say(f"corrected by {view.fixed_by} from: {view.fixed_from}")
    if view.claimed_by:
        say(f"{view.claimed_by} works on it now", style="yellow")
    for comment in view.comments:
        say(f"comment of {comment.who}, {comment.when:%Y-%m-%d %H:%M}: {comment.text}")
    for near in view.near_duplicates:
        say(f"near: {near}", style="dim")
    _show_rehearsal(view.rehearsal)
    for verdict, why in view.not_allowed:
        say(f"not allowed here: {verdict.replace('_', ' ')}: {why}", style="dim")


def _show_evidence(evidence: EvidenceView) -> None:
    before = evidence.context[: evidence.quote_start]
    quote = evidence.context[evidence.quote_start : evidence.quote_end]
    after = evidence.context[evidence.quote_end :]
    say(
        f"{evidence.role}: {evidence.source_title} ({evidence.kind}, {evidence.source_date or 'no date'})", style="cyan"
    )
    say(f"  {evidence.section or 'no section'}  {evidence.url}")
    say(f"  …{before}>>>{quote}<<<{after}…" if quote else "  the quote does NOT stand in the text: a defect")


def _show_rehearsal(rehearsal: RehearsalView | None) -> None:
    if rehearsal is None:
        say("not rehearsed yet: medrek-flow worker")
        return
    say(f"rehearsed with carrier {rehearsal.carrier}:", style="bold")
    if rehearsal.says_now:
        say(f"  live says now: {rehearsal.says_now}")
    for answer in rehearsal.answers:
        say(f"  {answer.question}")
        say(
            f"    now:       {answer.now}\n    would say: {answer.would_say}"
            + ("" if answer.takes else "   DOES NOT TAKE")
        )
    for move in rehearsal.moves:
        say(f"  near miss moves ({move.kind}): {move.question}", style="bold red")
        say(f"    now:       {move.now}\n    would say: {move.would_say}")
    for trial in rehearsal.trials:
        say(f"  tried {trial}", style="dim")
    if not rehearsal.moves:
        say(f"  {rehearsal.near_misses_asked} near misses asked, none moves")
