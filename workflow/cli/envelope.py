"""``envelope``: what the night may promote by itself: look at it, sign it, and ask it about a batch."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json, PinFd, Reason
from workflow.cli.output import emit_json, fields, say
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.change_control.envelope import EnvelopeFile
    from workflow.change_control.envelope_signing import EnvelopeStanding
    from workflow.cli.opening import Opened

app = typer.Typer(help="The signed limits inside which the night promotes by itself.", no_args_is_help=True)


@app.command("show")
def show(folder: Folder = None, as_json: Json = False) -> None:
    """Show the envelope, its digest, and who signed exactly these bytes."""
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened:
        file, standing = _read(opened)
    if as_json:
        emit_json("envelope", _body(file, standing))
    else:
        _show(file, standing)


@app.command("sign")
def sign(
    reason: Reason = "",
    pin_fd: PinFd = None,
    signer: Annotated[str, typer.Option("--as", metavar="NAME", help="A scripted signer; demo sites only.")] = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show the envelope and sign exactly what was shown, with your PIN; two people on a two-signer site."""
    from workflow.change_control.envelope_signing import sign_envelope
    from workflow.cli.asking import ask_line
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.identity import find_reviewer, read_pin

    with open_ledger(folder) as opened:
        file, standing = _read(opened)
        person = find_reviewer(opened.ledger, signer or acting_user())
        if signer and not person.scripted:
            raise UsageError(f"--as {signer}: expected a scripted signer of a demo site, got a person")
        if not as_json:
            _show(file, standing)
        why = reason.strip() or ask_line("reason", option="--reason")
        pin = "" if person.scripted else read_pin(pin_fd=pin_fd, prompt=f"PIN of {person.name}: ")
        after = sign_envelope(
            opened.ledger, file, person.reviewer_id, reason=why, pin=pin, shown_sha256=standing.sha256
        )
    if as_json:
        emit_json("envelope", _body(file, after))
    else:
        say(f"envelope {file.sha256[:12]}: {after.words}", style="bold green" if after.holds else "bold yellow")


@app.command("check")
def check(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH")], folder: Folder = None, as_json: Json = False
) -> None:
    """Ask the envelope about a batch: every clause that it does not keep, by name."""
    from workflow.change_control.automatic import envelope_check
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened:
        outside, sha256 = envelope_check(opened.site.root, opened.ledger, batch_id)
    if as_json:
        body = {
            "batch_id": batch_id,
            "envelope": sha256,
            "inside": not outside,
            "outside": [asdict(o) for o in outside],
        }
        emit_json("envelope-check", body)
    elif outside:
        say(f"batch {batch_id} lies outside the envelope and waits for a person:", style="bold yellow")
        for one in outside:
            say(f"  {one.line}")
    else:
        say(f"batch {batch_id} lies inside envelope {str(sha256)[:12]}", style="bold green")
    if outside:
        raise typer.Exit(ExitCode.HELD)


def _read(opened: Opened) -> tuple[EnvelopeFile, EnvelopeStanding]:
    from workflow.change_control.envelope import FILE_NAME, read_envelope
    from workflow.change_control.envelope_signing import standing_of

    file = read_envelope(opened.site.root)
    if file is None:
        raise UsageError(f"expected {opened.site.root / FILE_NAME}, got none; nothing goes live by itself without it")
    today, profile = opened.ledger.clock().date(), opened.ledger.signer_profile()
    with opened.ledger.read() as connection:
        return file, standing_of(connection, file, signer_profile=profile, today=today)


def _body(file: EnvelopeFile, standing: EnvelopeStanding) -> dict[str, object]:
    return {
        "sha256": file.sha256,
        "envelope": file.envelope.model_dump(mode="json"),
        "state": standing.state,
        "holds": standing.holds and not file.envelope.closed,
        "required_signatures": standing.required,
        "signatures": [asdict(act) for act in standing.signed],
    }


def _show(file: EnvelopeFile, standing: EnvelopeStanding) -> None:
    limits, allow = file.envelope.limits, file.envelope.allow
    closed = "CLOSED: every batch waits for a person" if file.envelope.closed else "open"
    fields(
        (
            ("envelope", f"{closed}; sha256 {file.sha256}"),
            ("signatures", standing.words),
            ("expires", file.envelope.expires),
            ("allow.relations", ", ".join(allow.relations) or "none"),
            ("allow.sources", ", ".join(allow.sources) or "none"),
            ("allow.risks", ", ".join(allow.risks) or "none"),
            ("allow.superseding", "yes" if allow.superseding else "no"),
            ("allow.expedited", "yes" if allow.expedited else "no"),
            (
                "limits",
                f"{limits.most_edits_a_batch} edits a batch, {limits.most_edits_a_night} a night, at most "
                f"{limits.most_ejected} ejected, {limits.most_faq_moved} of the FAQ set moved",
            ),
            ("fits.base_models", ", ".join(one[:12] for one in file.envelope.fits.base_models) or "none"),
        )
    )
