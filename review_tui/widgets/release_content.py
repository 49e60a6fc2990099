"""Batches, gate reports, orders, releases and rollbacks in words: pure functions to markup-free ``Content``."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from review_tui.protocol import (
    AffectedLine,
    BatchLine,
    BatchState,
    BatchView,
    EjectedLine,
    GateFailureLine,
    GateView,
    OrderLine,
    OrderState,
    ReadyLine,
    ReleasedLine,
    ReleaseLine,
    ReleaseView,
    RollbackView,
    ServingLine,
)
from review_tui.safe_text import field_content, line_content
from review_tui.widgets.evidence_pane import heading
from review_tui.words import RISK_LABEL, counted

_LOUD = "bold $text-error"
_WARN = "bold $text-warning"
_GOOD = "$text-success"
_BAR = 20

BATCH_SIGN = {
    BatchState.OPEN: "○ open",
    BatchState.STAGED: "◐ staged",
    BatchState.PASSED: "✓ passed",
    BatchState.HELD: "! held",
    BatchState.REFUSED: "✗ refused",
    BatchState.PROMOTED: "● live",
    BatchState.ROLLED_BACK: "← rolled back",
    BatchState.CANCELLED: "○ cancelled",
}
ORDER_SIGN = {
    OrderState.WAITING: "· waits",
    OrderState.RUNNING: "→ running",
    OrderState.DONE: "✓ done",
    OrderState.FAILED: "✗ failed",
    OrderState.CANCELLED: "○ cancelled",
}
CHECK_SIGN = {"pass": "✓ pass", "refuse": "✗ REFUSE", "hold": "! HOLD", "missing": "✗ MISSING"}
_STYLE_OF_SIGN = {"✓": _GOOD, "✗": _LOUD, "!": _WARN, "→": "bold", "●": "bold"}


def signed(sign: str) -> Content:
    """Write a sign with its word in the look that goes with it."""
    return Content(sign).stylize(_STYLE_OF_SIGN.get(sign[:1], ""))


def serving_content(serving: ServingLine) -> Content:
    """Write what is served now."""
    return line_content(
        ("✗ STOPPED: " if serving.stopped else "● ") + serving.words, _LOUD if serving.stopped else "bold"
    )


def order_content(order: OrderLine) -> Content:
    """Write an order with how far it is."""
    bar = ""
    if order.state is OrderState.RUNNING and order.total:
        done = min(_BAR, _BAR * order.done // order.total)
        bar = f" [{'#' * done}{'.' * (_BAR - done)}] {order.done:,} of {order.total:,}"
    elif order.state is OrderState.RUNNING:
        bar = f" {order.done:,} done"
    head = signed(ORDER_SIGN[order.state]) + line_content(f" {order.kind} {order.subject}", "bold")
    return head + Content(bar) + line_content(f" · {order.words} · by {order.ordered_by}")


def batch_line(line: BatchLine) -> Content:
    """Write a batch as the list shows it."""
    out = line.edits - line.standing
    left = f", {out:,} taken out" if out else ""
    order = Content("  ") + order_content(line.order) if line.order and _is_open(line.order) else Content("")
    release = f" · release {line.release_id}" if line.release_id is not None else ""
    note = f" · {line.note}" if line.note else ""
    said = line_content(
        f" {counted(line.standing, 'edit')}{left} · {line.created_at:%Y-%m-%d %H:%M} UTC{release}{note}"
    )
    return line_content(f"{line.batch_id}  ", "bold") + signed(BATCH_SIGN[line.state]) + said + order


def _is_open(order: OrderLine) -> bool:
    return order.state in {OrderState.WAITING, OrderState.RUNNING}


def ready_line(line: ReadyLine) -> Content:
    """Write an approved candidate."""
    signers = ", ".join(line.signed_by)
    return line_content(f"{RISK_LABEL[line.risk]}  {line.question} → {line.object_new}  (signed: {signers})")


def batch_content(view: BatchView) -> Content:
    """Write one batch: what can be done, its order, its report, its edits."""
    line = view.line
    lines = [batch_line(line), line_content(f"by {line.created_by}", "$quiet")]
    if line.order is not None:
        lines.append(order_content(line.order))
    for key, word, why in (
        ("s", "send it to the worker", view.why_not_submit),
        ("p", "promote it", view.why_not_promote),
        ("b", "roll it back", view.why_not_roll_back),
        ("x", "end it, and approve its candidates again", view.why_not_cancel),
    ):
        told = f"{key}: {word}" if why is None else f"({key}) cannot {word}: {why}"
        lines.append(line_content(told, "bold" if why is None else "$quiet"))
    lines += gate_lines(view.gate)
    lines += [Content(""), heading("EDITS", f"{line.standing:,} of {line.edits:,} stand")]
    lines += [
        line_content(f"{edit.edit_id}  {edit.state.replace('_', ' ')}  ", "bold")
        + line_content(
            f"{edit.question} → {edit.object_new}  ({edit.carrier}){': ' if edit.reason else ''}{edit.reason}"
        )
        for edit in view.edits
    ]
    return Content("\n").join(lines)


def gate_lines(gate: GateView | None) -> list[Content]:
    """Write the gate's report: the verdict, every check, each failure with both answers, and what was taken out."""
    if gate is None:
        return [Content(""), heading("GATE"), Content("· not run yet")]
    verdict = signed(CHECK_SIGN.get(gate.verdict, gate.verdict))
    figures = f"{gate.probes:,} probes, {gate.questions_run:,} asked, {gate.seconds:.1f} s"
    asked = f"against release {gate.compared_with} · {figures}"
    lines = [Content(""), heading("GATE", asked), verdict]
    lines += [
        Content("  ")
        + signed(CHECK_SIGN.get(check.verdict, check.verdict))
        + line_content(f"  {check.name}: {check.words}")
        for check in gate.checks
    ]
    lines += [line for failure in gate.failures for line in _failure_lines(failure)]
    return lines + [line for ejected in gate.ejected for line in _ejected_lines(ejected)]


def _failure_lines(failure: GateFailureLine) -> list[Content]:
    culprit = f"  because of {failure.culprit}" if failure.culprit else "  no edit fired"
    return [
        field_content(f"✗ {failure.question}", _LOUD)
        + line_content(f"  ({failure.check}, {failure.kind.replace('_', ' ')}){culprit}"),
        Content("    now        ").stylize("$quiet") + field_content(failure.now),
        Content("    would say  ").stylize("$quiet") + field_content(failure.would_say, _LOUD),
    ]


def _ejected_lines(ejected: EjectedLine) -> list[Content]:
    head = line_content(f"← {ejected.edit_id} taken out: {ejected.fact}: {ejected.reason}", _WARN)
    return [head, *(line for failure in ejected.failures for line in _failure_lines(failure))]


def release_line(line: ReleaseLine) -> Content:
    """Write a release as the history shows it."""
    live = Content("● LIVE ").stylize("bold reverse") if line.is_live else Content("       ")
    check = {"passed": "✓ passed", "pending": "! check pending", "failed": "✗ check failed"}.get(line.check_state, "!")
    cause = " ".join(filter(None, (line.cause, line.batch_id)))
    said = f" {line.created_at:%Y-%m-%d %H:%M} UTC · {cause} · {counted(line.edits, 'edit')} in force"
    who = line_content(f" · {line.actor}{': ' if line.reason else ''}{line.reason}")
    return live + Content(f"release {line.release_id} ").stylize("bold") + signed(check) + line_content(said) + who


def release_content(view: ReleaseView) -> Content:
    """Write what a release changed."""
    lines = [heading("CAME", f"{len(view.came):,}"), *(_released(line, "+") for line in view.came)]
    lines += [heading("LEFT", f"{len(view.left):,}"), *(_released(line, "-") for line in view.left)]
    lines += [heading("IN FORCE", f"{len(view.in_force):,}"), *(_released(line, " ") for line in view.in_force[:200])]
    if len(view.in_force) > 200:
        lines.append(Content(f"… and {len(view.in_force) - 200:,} more"))
    return Content("\n").join([*lines, line_content(f"digest {view.digest}", "$quiet")])


def _released(line: ReleasedLine, sign: str) -> Content:
    style = {"+": _GOOD, "-": _LOUD}.get(sign, "")
    return line_content(f"{sign} {line.edit_id}  {line.question} → {line.object_new}", style)


def rollback_content(view: RollbackView) -> Content:
    """Write the exact effect of a rollback, before it is done."""
    lines = [
        line_content(f"Live is release {view.live_release}. A new release without these will be live at once:", "bold"),
        *(_released(line, "-") for line in view.leaving),
    ]
    if view.answering_again:
        lines.append(line_content("Older facts that will answer again, and go to review:", _WARN))
        lines += [_released(line, "+") for line in view.answering_again]
    lines.append(
        line_content(f"{counted(view.staying, 'edit stays', 'edits stay')} in force. The check runs afterwards.")
    )
    return Content("\n").join([*lines, line_content(f"digest then {view.digest_new}", "$quiet")])


def affected_line(line: AffectedLine) -> Content:
    """Write an edit that rests on something taken back."""
    if line.proposal:
        state = line_content(f"✓ proposed: {line.proposal} {line.proposal_state.replace('_', ' ')}  ", _GOOD)
    else:
        state = Content("! no proposal yet  ").stylize(_WARN)
    force = "" if line.in_force else "(not in force any more) "
    return state + line_content(f"{force}{line.edit_id}  {line.question} → {line.object_new}")


def affected_content(line: AffectedLine) -> Content:
    """Write what was taken back."""
    lines = [heading("WHAT IT RESTS ON", line.fact), *(line_content(f"! {why}", _WARN) for why in line.why)]
    lines.append(
        Content("enter opens the proposal" if line.proposal else "w proposes to withdraw it; a person decides")
    )
    return Content("\n").join(lines)


def orders_content(orders: Sequence[OrderLine]) -> list[Content]:
    """Write what the worker has to do, a line each."""
    return [order_content(order) for order in orders if _is_open(order)]
