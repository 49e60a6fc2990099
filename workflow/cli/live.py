"""``live``, ``trace``, ``affected`` and ``release``: what is in force, what it rests on, and what it was before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import banner, emit_json, fields, say, table
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from workflow.change_control.release import LiveState, ReleasedEdit

commands = typer.Typer()
releases = typer.Typer(help="Immutable, numbered states of the memory.", no_args_is_help=True)

_Release = Annotated[int, typer.Argument(metavar="RELEASE", min=0)]


@commands.command(rich_help_panel="Look")
def live(
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="What was live then: 2026-03-09, or with T12:00:00Z.")
    ] = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show the release that is served, or was served at a time, with the edits in force."""
    from workflow.change_control.release import read_live, release_edits, release_in_force_at
    from workflow.cli.opening import open_ledger, read_moment
    from workflow.clock import utc_text

    moment = utc_text(read_moment(as_of, option="--as-of", end_of_day=True)) if as_of else ""
    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        state = release_in_force_at(connection, moment) if moment else read_live(connection)
        edits = release_edits(connection, state.release_id) if state else ()
        banner(opened.demo_banner)
    if as_json:
        body = {"as_of": moment or None, "release": _named(state), "edits": [asdict(edit) for edit in edits]}
        emit_json("live", body)
    elif state is None:
        when = f"at {moment} there was no release" if moment else "no release yet"
        say(f"{when}: the base model answers everything{'' if moment else '; run medrek-flow night'}")
    else:
        _show_release(state, edits)


@commands.command(rich_help_panel="Look")
def trace(
    named: Annotated[
        str, typer.Argument(metavar="NAME", help="An answer's attribution id, or an edit, candidate, batch, release.")
    ],
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Follow an edit back: signatures, quote, text, raw bytes; every sha256 is computed again."""
    from workflow.cli.opening import open_ledger
    from workflow.cli.trace_view import show_trace
    from workflow.trace import find_candidates, trace_candidate

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        names = find_candidates(connection, named)
        traces = [trace_candidate(connection, opened.site.documents, opened.site.memory_folder, name) for name in names]
        banner(opened.demo_banner)
    if as_json:
        emit_json("trace", {"traces": [{"whole": trace.whole, **asdict(trace)} for trace in traces]})
    else:
        for found in traces:
            show_trace(found)
        if not traces:
            say(_nothing_fired(named))
    if not all(found.whole for found in traces):
        raise typer.Exit(ExitCode.DAMAGED)


def _nothing_fired(named: str) -> str:
    from workflow.attribution import is_attribution_id

    if is_attribution_id(named):
        return "no edit fired: the base model's own answer, from nothing that anybody put in front of it"
    return "this release holds no edits: the base model answers everything"


@releases.command("list")
def release_list(folder: Folder = None, as_json: Json = False) -> None:
    """List the releases, oldest first."""
    from workflow.change_control.release import list_releases, read_live
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        every, served = list_releases(connection), read_live(connection)
    live_id = served.release_id if served else None
    if as_json:
        emit_json("release-list", {"live": live_id, "releases": [_named(state) for state in every]})
        return
    rows = [
        (
            s.release_id,
            "live" if s.release_id == live_id else "",
            s.cause,
            s.batch_id,
            s.created_at,
            s.digest[:12],
            s.check_state,
            s.reason,
        )
        for s in every
    ]
    table(("release", "", "cause", "batch", "made", "digest", "check", "reason"), rows, empty="no releases yet")


@releases.command("show")
def release_show(release_id: _Release, folder: Folder = None, as_json: Json = False) -> None:
    """Show one release with the edits in force in it."""
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        state, edits = _read_release(connection, release_id)
    if as_json:
        emit_json("release", {"release": _named(state), "edits": [asdict(edit) for edit in edits]})
    else:
        _show_release(state, edits)


@releases.command("diff")
def release_diff(first: _Release, second: _Release, folder: Folder = None, as_json: Json = False) -> None:
    """Show which edits came into force, and which left, between two releases."""
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        _, before = _read_release(connection, first)
        _, after = _read_release(connection, second)
    old, new = {edit.edit_id for edit in before}, {edit.edit_id for edit in after}
    came = [edit for edit in after if edit.edit_id not in old]
    left = [edit for edit in before if edit.edit_id not in new]
    if as_json:
        body = {"came": [asdict(edit) for edit in came], "left": [asdict(edit) for edit in left]}
        emit_json("release-diff", {"first": first, "second": second, **body})
        return
    rows = [("+", *_edit_row(edit)) for edit in came] + [("-", *_edit_row(edit)) for edit in left]
    table(("", *_EDIT_COLUMNS), rows, empty=f"releases {first} and {second} hold the same edits")


_EDIT_COLUMNS = ("edit", "batch", "question", "answer now")


def _edit_row(edit: ReleasedEdit) -> tuple[object, ...]:
    return (edit.edit_id, edit.batch_id, edit.question, edit.object_new)


def show_edits(edits: tuple[ReleasedEdit, ...], *, empty: str = "no edits in force") -> None:
    """Print edits as a table: id, batch, question and the object that the model says for it."""
    table(_EDIT_COLUMNS, [_edit_row(edit) for edit in edits], empty=empty)


def _read_release(connection: Connection, release_id: int) -> tuple[LiveState, tuple[ReleasedEdit, ...]]:
    from workflow.change_control.release import read_release, release_edits

    state = read_release(connection, release_id)
    if state is None:
        raise UsageError(f"release {release_id}: unknown; see medrek-flow release list")
    return state, release_edits(connection, release_id)


def _named(state: LiveState | None) -> dict[str, object] | None:
    return None if state is None else asdict(state)


def _show_release(state: LiveState, edits: tuple[ReleasedEdit, ...]) -> None:
    if state.stopped:
        say(
            f"STOPPED: the bare base model is served ({state.stop_reason}); medrek-flow start lifts it",
            style="bold red",
        )
    if state.check_state != "passed":
        say(f"check {state.check_state}: run medrek-flow check --live", style="bold yellow")
    fields(
        (
            ("release", state.release_id),
            ("cause", f"{state.cause}{f' of {state.batch_id}' if state.batch_id else ''} by {state.actor}"),
            ("made", state.created_at),
            ("reason", state.reason or "none"),
            ("digest", state.digest),
            ("base model", state.base_model_digest),
            ("encoder", state.encoder_digest),
        )
    )
    show_edits(edits)
