"""``flag``: an answer that somebody calls wrong; ``minutes``: what was decided, for the P&T committee."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json
from workflow.cli.output import banner, emit_json, say
from workflow.errors import UsageError

commands = typer.Typer()


@commands.command(rich_help_panel="Every day")
def flag(
    question: Annotated[str, typer.Option("--question", metavar="TEXT", help="What was asked.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What is wrong with the answer.")],
    answer: Annotated[str, typer.Option("--answer", metavar="TEXT", help="What the model said.")] = "",
    edit_id: Annotated[
        str, typer.Option("--edit", metavar="EDIT", help="The edit that fired, as the answer's attribution names it.")
    ] = "",
    release_id: Annotated[
        int | None, typer.Option("--release", metavar="N", min=0, help="The release that answered.")
    ] = None,
    trace_id: Annotated[
        str, typer.Option("--trace", metavar="ID", help="Any id that the serving side gave the answer.")
    ] = "",
    reported_by: Annotated[str, typer.Option("--reported-by", metavar="NAME", help="Who noticed it.")] = "",
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Put a wrong answer into the review queue, with its trace; a reviewer confirms it or not."""
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.ledger.wrong_answers import WrongAnswer, check_wrong_answer, flag_answer

    wrong = WrongAnswer(question, answer, note, reported_by, edit_id or None, release_id, trace_id)
    with open_ledger(folder) as opened:
        if dry_run:
            with opened.ledger.read() as connection:
                check_wrong_answer(connection, wrong)
            candidate_id = None
        else:
            candidate_id = flag_answer(opened.ledger, wrong, actor=acting_user())
        banner(opened.demo_banner)
    if as_json:
        emit_json("flag", {"candidate_id": candidate_id, "dry_run": dry_run, "answer": asdict(wrong)})
    elif candidate_id is None:
        say("dry run: nothing was changed; it would enter the queue")
    else:
        say(f"in the queue as {candidate_id}: medrek-flow queue show {candidate_id}")


@commands.command(rich_help_panel="Look")
def minutes(
    since: Annotated[str, typer.Option("--since", metavar="DAY", help="First day; else a week ago.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day, included; else today.")] = "",
    form: Annotated[str, typer.Option("--format", metavar="md|html", help="Markdown or one HTML page.")] = "md",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, not to the terminal.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Write the decisions of some days as a page for the P&T committee: what was decided, by whom, and why."""
    from workflow.cli.opening import open_ledger, read_moment
    from workflow.clock import utc_text
    from workflow.reports.minutes import gather_minutes, render_minutes

    if form not in ("md", "html"):
        raise UsageError(f"--format {form}: expected md or html")
    with open_ledger(folder) as opened:
        today = opened.ledger.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        first = read_moment(since, option="--since") if since else today - timedelta(days=7)
        last = read_moment(until, option="--until") if until else today
        if first > last:
            raise UsageError(f"--since {since}: expected a day on or before --until, {last.date()}")
        with opened.ledger.read() as connection:
            found = gather_minutes(
                connection,
                since=utc_text(first),
                until=utc_text(last + timedelta(days=1)),
                site_name=opened.site.settings.site.name,
                site_kind=opened.ledger.kind(),
                signer_profile=opened.ledger.signer_profile(),
            )
    if as_json:
        emit_json("minutes", {"minutes": asdict(found)})
        return
    page = render_minutes(found, as_html=form == "html")
    if out is None:
        sys.stdout.write(page)
        return
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {out}: expected a file that can be written ({type(error).__name__})") from error
    say(f"{len(found.lines)} decisions: {out}")
