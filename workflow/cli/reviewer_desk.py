"""``reviewer attention``, ``deputies``, ``deputy`` and ``end-deputy``: who notices, and who stands in for whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import emit_json, note, say, table
from workflow.cli.queue import As
from workflow.cli.reviewer import app

__all__ = ["app"]


@app.command("attention")
def attention(
    seed: Annotated[
        bool, typer.Option("--seed", help="First put false candidates into the queue, as the settings say.")
    ] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show how often each reviewer noticed what was made false on purpose (review.attention_share; off by default)."""
    from workflow.cli.opening import open_ledger
    from workflow.ledger.attention import read_attention, seed_candidates

    with open_ledger(folder) as opened:
        share = opened.site.settings.review.attention_share
        if seed:
            came = seed_candidates(opened.ledger, share=share, seed=int(opened.ledger.clock().timestamp()))
            note(f"{came} came" if share else "review.attention_share is 0: none came")
        with opened.ledger.read() as connection:
            found = read_attention(connection)
    if as_json:
        rows = [{**asdict(one), "miss_rate": one.miss_rate} for one in found]
        emit_json("reviewer-attention", {"share": share, "reviewers": rows})
        return
    lines = [(one.name, one.seen, one.missed, f"{one.miss_rate:.0%}") for one in found]
    empty = "nobody decided on anything that was made false" + ("" if share else "; review.attention_share is 0")
    table(("reviewer", "made false", "not noticed", "miss rate"), lines, empty=empty)


@app.command("deputies")
def deputies(folder: Folder = None, as_json: Json = False) -> None:
    """List who stands in for whom, now and later."""
    from workflow.cli.opening import open_ledger
    from workflow.ledger.deputies import list_deputies

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        found = list_deputies(connection, today=opened.ledger.clock().date().isoformat())
    if as_json:
        emit_json("reviewer-deputies", {"deputies": [asdict(one) for one in found]})
        return
    rows = [(one.deputy_id, one.name, one.deputy_name, one.first_day, one.last_day) for one in found]
    table(("number", "away", "stands in", "from", "to"), rows, empty="nobody stands in for anybody")


@app.command("deputy")
def deputy(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Who stands in for you.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, included.")],
    signer: As = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Name who stands in for you on these days; it is printed with their signatures."""
    from workflow.cli.opening import open_desk, open_ledger, read_day

    with open_ledger(folder) as opened:
        desk = open_desk(opened, signer)
        first_day, last_day = read_day(first, option="--from"), read_day(last, option="--to")
        desk.name_deputy(account, first_day, last_day)
    if as_json:
        emit_json("reviewer-deputy", {"deputy": account, "first_day": first_day, "last_day": last_day})
    else:
        say(f"{account} stands in for you from {first_day} to {last_day}")


@app.command("end-deputy")
def end_deputy(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As reviewer deputies shows it.")],
    signer: As = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """End what you named, from now on."""
    from workflow.cli.opening import open_desk, open_ledger

    with open_ledger(folder) as opened:
        open_desk(opened, signer).end_deputy(number)
    if as_json:
        emit_json("reviewer-end-deputy", {"deputy_id": number})
    else:
        say("ended")
