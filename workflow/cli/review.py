"""``review``: the screen at which a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.options import Folder
from workflow.cli.output import say
from workflow.errors import UsageError

commands = typer.Typer()


@commands.command(rich_help_panel="Every day")
def review(
    folder: Folder = None,
    signer: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Act as this scripted signer; demo sites only.")
    ] = "",
    theme: Annotated[str, typer.Option("--theme", help="dark, light, ansi or ansi-light.")] = "",
    keymap: Annotated[
        Path | None,
        typer.Option("--keymap", metavar="FILE", help='Your own keys: lines like "candidate.approve" = "y".'),
    ] = None,
    keys: Annotated[bool, typer.Option("--keys", help="List every action with its name and keys, and stop.")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="For terminals that show ASCII only.")] = False,
    mouse: Annotated[bool, typer.Option("--mouse/--no-mouse", help="Let the screens have the mouse.")] = True,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the screens to browsers (experimental; docs/review.md).")
    ] = False,
    host: Annotated[str, typer.Option("--host", help="With --web: address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="With --web: port to listen on.")] = 8737,
    public_url: Annotated[
        str, typer.Option("--public-url", metavar="URL", help="With --web: where browsers find it, behind a proxy.")
    ] = "",
) -> None:
    """Open the review screen in this terminal; it works at 80 by 24 over ssh and survives a dropped line."""
    import os
    import sys

    from workflow.cli.opening import WEB_SEAT, open_desk, open_ledger, open_releases, open_web_seat
    from workflow.review_options import desk_options

    if keys:
        from review_tui.key_page import key_page

        say(key_page())
        return
    if web:
        _serve(folder, host, port, public_url or None)
        return
    seat = os.environ.get(WEB_SEAT)
    if seat is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("review: expected a terminal, got none; scripts use medrek-flow queue")
    with open_ledger(folder) as opened:
        settings = opened.site.settings.review
        options = desk_options(settings, theme=theme, keymap=keymap, is_ascii=ascii_only, has_mouse=mouse)
        if seat is None:
            desk, releases = open_desk(opened, signer), open_releases(opened, signer)
        else:
            desk, releases = open_web_seat(opened, seat)
        from review_tui.app import run

        code = run(desk, releases, options)
    if code:
        raise typer.Exit(code)


def _serve(folder: Path | None, host: str, port: int, public_url: str | None) -> None:
    from workflow.cli.opening import find_site

    try:
        from workflow.web_desk import SeatServer, Trust, screen_command
    except ModuleNotFoundError as error:
        raise UsageError("review --web: expected the extra 'web'; run: pip install 'medrek-flow[web]'") from error
    site = find_site(folder)
    review = site.settings.review
    trust = Trust(review.web_identity_header, review.web_trusted_proxies)
    SeatServer(screen_command(site.root), trust, host=host, port=port, public_url=public_url).serve()
