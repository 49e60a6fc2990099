"""``init``, ``doctor`` and ``upgrade``: make a site, and look after it."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import ask_choice, ask_line, at_terminal, read_new_pin
from workflow.cli.options import Folder, Json, PinFd
from workflow.cli.output import banner, emit_json, fields, note, progress_bar, say
from workflow.errors import UsageError

if TYPE_CHECKING:
    from workflow.doctor import Finding
    from workflow.site import FirstReviewer, Site

commands = typer.Typer()


class Profile(StrEnum):
    """How many people sign a high-risk fact."""

    ONE = "one-signer"
    TWO = "two-signer"


@commands.command(rich_help_panel="Site")
def init(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new site; made where it is missing.")],
    demo: Annotated[bool, typer.Option("--demo", help="A demo site, for ever: scripts may sign there.")] = False,
    profile: Annotated[
        Profile | None, typer.Option("--profile", help="How many people sign high-risk facts; asked where not given.")
    ] = None,
    reviewer: Annotated[
        str, typer.Option("--reviewer", metavar="NAME", help="Your name as it is printed with your signature.")
    ] = "",
    role: Annotated[str, typer.Option("--role", help="What you are here.")] = "pharmacist",
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="Base model: a folder, a hub id, or the bundled demo.")
    ] = "",
    group: Annotated[
        str, typer.Option("--group", metavar="GROUP", help="Share it with the accounts of this group of the machine.")
    ] = "",
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Write systemd units and timers into its folder too.")
    ] = False,
    pin_fd: PinFd = None,
    as_json: Json = False,
) -> None:
    """Make a site: its settings, ledger and folders, and enrol yourself as the first reviewer."""
    from workflow.site import Site

    chosen = profile or _ask_profile(demo=demo)
    first = _first_reviewer(reviewer, role, pin_fd, demo=demo)
    site = Site.create(
        root,
        demo=demo,
        signer_profile=chosen.replace("-", "_"),
        reviewer=first,
        settings={"model.base": model} if model else None,
        group=group,
    )
    _tell_made(site, demo=demo, profile=chosen, reviewer=first.name if first else "", as_json=as_json)
    if systemd:
        from workflow.cli.services import tell_units, write_units

        written = write_units(site)
        if not as_json:
            tell_units(*written)


@commands.command(rich_help_panel="Site")
def doctor(
    online: Annotated[bool, typer.Option("--online", help="Ask every source for one small reply too.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend or rebuild the key index where it differs.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what loads the model.")] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Check everything: files, ledger, audit chain, every document and shard, model, index, sources."""
    from workflow.cli.opening import find_site
    from workflow.doctor import examine_record, exit_code_of

    site = find_site(folder)
    findings: list[Finding] = []
    with progress_bar() as progress:
        findings += examine_record(site, progress=progress)
        if not quick:
            from workflow.doctor_engine import examine_engine

            findings += examine_engine(site, repair=repair, progress=progress)
        if online:
            from workflow.doctor_sources import examine_sources

            findings += examine_sources(site, progress=progress)
    code = exit_code_of(findings)
    if as_json:
        emit_json("doctor", {"exit_code": int(code), "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            _show(finding)
    if code:
        raise typer.Exit(code)


@commands.command(rich_help_panel="Site")
def upgrade(folder: Folder = None, as_json: Json = False) -> None:
    """Bring a site's ledger to this program's schema, with a copy of the old one beside it."""
    from workflow.cli.opening import find_site
    from workflow.identity import os_user
    from workflow.ledger.ledger import MIGRATION, Ledger

    site = find_site(folder)
    found, copy = Ledger.upgrade(site.ledger_path, actor=os_user().user_id)
    if as_json:
        emit_json("upgrade", {"from": found, "to": MIGRATION, "copy": str(copy) if copy else None})
    elif copy is None:
        say(f"the ledger has schema {found} already")
    else:
        say(f"the ledger went from schema {found} to {MIGRATION}; as it was: {copy}")


def _show(finding: Finding) -> None:
    style = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}[finding.level]
    say(f"{finding.level:<4}  {finding.what}: {finding.detail}", style=style)
    if finding.next_step:
        say(f"      next: {finding.next_step}")


def _ask_profile(*, demo: bool) -> Profile:
    if demo:
        return Profile.ONE
    if not at_terminal():
        raise UsageError("expected --profile one-signer or two-signer, got none and no terminal to ask on")
    note("High-risk facts (doses, contraindications, high-alert drugs): do two people sign them here, or one?")
    typed = {"one": Profile.ONE, "two": Profile.TWO, **{str(profile): profile for profile in Profile}}
    return Profile(ask_choice("one or two", typed, option="--profile"))


def _first_reviewer(name: str, role: str, pin_fd: int | None, *, demo: bool) -> FirstReviewer | None:
    from workflow.identity import os_user
    from workflow.site import FirstReviewer

    if not name and (demo or not at_terminal()):
        return None
    if not name:
        name = ask_line(
            "your name as it is printed with your signature", option="--reviewer", default=os_user().full_name
        )
    pin = read_new_pin(pin_fd, who=name, kind="demo" if demo else "hospital")
    return FirstReviewer(name=name, role=role, pin=pin)


def _tell_made(site: Site, *, demo: bool, profile: Profile, reviewer: str, as_json: bool) -> None:
    from workflow.status import standing_warnings

    warnings = standing_warnings("demo" if demo else "hospital", profile.replace("-", "_"))
    made = {"folder": str(site.root), "kind": "demo" if demo else "hospital", "profile": str(profile)}
    if as_json:
        emit_json("init", {**made, "reviewer": reviewer or None, "warnings": warnings})
        return
    fields((*made.items(), ("reviewer", reviewer or "none yet: medrek-flow reviewer add")))
    say()
    banner(warnings)
    if profile == Profile.TWO and not demo:
        say('a second signer is needed: medrek-flow reviewer add ACCOUNT --name "PRINTED NAME"')
    say(f"next: look through {site.settings_path}, then run medrek-flow doctor and medrek-flow night in {site.root}")
