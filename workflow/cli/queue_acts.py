"""``queue reopen``, ``comment``, ``undo`` and ``redo``: what the review screen can do besides deciding."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli.options import Folder, Json, PinFd, Reason
from workflow.cli.output import emit_json, note, say
from workflow.cli.queue import As, CandidateName, app
from workflow.errors import ExitCode, IllegalTransitionError, WorkflowError

__all__ = ["app"]


@app.command("reopen")
def reopen(
    candidate_id: CandidateName, reason: Reason = "", signer: As = "", folder: Folder = None, as_json: Json = False
) -> None:
    """Put an approved, rejected or closed candidate back into the queue; its signatures count no more.

    One whose edit was ejected by a gate or withdrawn is proposed again, as a candidate of its own.
    """
    from workflow.cli.asking import ask_line
    from workflow.cli.opening import open_desk, open_ledger

    reason = reason.strip() or ask_line("reason", option="--reason")
    with open_ledger(folder) as opened:
        result = open_desk(opened, signer).reopen(candidate_id, reason)
    if not result.saved:
        words = "; ".join(refusal.words for refusal in result.refusals)
        raise IllegalTransitionError(f"candidate {candidate_id}: {words}")
    if as_json:
        emit_json("queue-reopen", {"candidate_id": candidate_id, "reason": reason, "made": result.made or None})
    elif result.made:
        say(f"{candidate_id} is proposed again as {result.made}; next: medrek-flow worker --once", style="bold green")
    else:
        say(f"{candidate_id} is pending again", style="bold green")


@app.command("comment")
def comment(
    candidate_id: CandidateName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; it stays on record.")],
    signer: As = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Add a comment to a candidate."""
    from workflow.cli.opening import open_desk, open_ledger

    with open_ledger(folder) as opened:
        open_desk(opened, signer).comment(candidate_id, text)
    if as_json:
        emit_json("queue-comment", {"candidate_id": candidate_id, "text": text})
    else:
        say("kept")


@app.command("undo")
def undo(signer: As = "", folder: Folder = None, as_json: Json = False) -> None:
    """Take your last mark or decision back, by an entry of its own; not once it is in a batch."""
    from workflow.cli.opening import open_desk, open_ledger

    with open_ledger(folder) as opened:
        result = open_desk(opened, signer).undo()
    _tell("queue-undo", result.words, result.candidate_ids, as_json=as_json)


@app.command("redo")
def redo(signer: As = "", pin_fd: PinFd = None, folder: Folder = None, as_json: Json = False) -> None:
    """Do again what was undone last; a signature asks for your PIN again."""
    from workflow.cli.opening import open_desk, open_ledger
    from workflow.identity import read_pin

    with open_ledger(folder) as opened:
        desk = open_desk(opened, signer)
        pin = read_pin(pin_fd=pin_fd, prompt=f"PIN of {desk.who().name}: ") if desk.steps().redo_needs_pin else ""
        result = desk.redo(pin)
    if result.pin_refused:
        raise WorkflowError(f"redo: {result.pin_refused}")
    _tell("queue-redo", result.words, result.candidate_ids, as_json=as_json)


def _tell(schema: str, words: str, candidate_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Say what was done; with exit code 16 where nothing could be."""
    if as_json:
        emit_json(schema, {"words": words, "candidate_ids": list(candidate_ids)})
    elif candidate_ids:
        say(words)
    if not candidate_ids:
        if not as_json:
            note(words)
        raise typer.Exit(ExitCode.ILLEGAL_TRANSITION)
