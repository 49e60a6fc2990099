"""``reviewer``: who may decide here."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from workflow.change_control.roles import Role
from workflow.cli.asking import read_new_pin
from workflow.cli.options import Folder, Json, PinFd
from workflow.cli.output import emit_json, say, table


class Duty(StrEnum):
    """What a person may do here."""

    REVIEWER = "reviewer"
    SECOND_SIGNER = "second_signer"
    RELEASE_MANAGER = "release_manager"


_Duty = Annotated[
    list[Duty] | None,
    typer.Option(
        "--duty",
        help="What they may do; may be given again. Decides: reviewer, second_signer. Releases: release_manager.",
    ),
]
app = typer.Typer(help="Who may decide here; a reviewer is never deleted.", no_args_is_help=True)


@app.command("list")
def list_all(folder: Folder = None, as_json: Json = False) -> None:
    """List the reviewers."""
    from workflow.cli.opening import open_ledger
    from workflow.identity import list_reviewers

    with open_ledger(folder) as opened:
        people = list_reviewers(opened.ledger)
    if as_json:
        emit_json("reviewer-list", {"reviewers": [asdict(person) for person in people]})
        return
    rows = [(p.reviewer_id, p.name, p.role, _words(p.duties), "script" if p.scripted else "person") for p in people]
    table(
        ("account", "printed name", "role", "duties", "signs as"),
        rows,
        empty="no reviewers; see medrek-flow reviewer add",
    )


@app.command("add")
def add(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Their account on this machine.")],
    name: Annotated[str, typer.Option("--name", help="The name printed with their signature.")],
    role: Annotated[str, typer.Option("--role", help="What they are here.")] = "pharmacist",
    duty: _Duty = None,
    scripted: Annotated[bool, typer.Option("--scripted", help="A script that signs; demo sites only.")] = False,
    pin_fd: PinFd = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Enrol a reviewer with a PIN of their own: have them type it."""
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.identity import add_reviewer

    with open_ledger(folder) as opened:
        pin = read_new_pin(pin_fd, who=name, kind=opened.ledger.kind())
        person = add_reviewer(
            opened.ledger,
            reviewer_id=account,
            name=name,
            role=role,
            pin=pin,
            scripted=scripted,
            duties=_duties(duty) or (Role.REVIEWER, Role.SECOND_SIGNER),
            actor=acting_user(),
        )
    if as_json:
        emit_json("reviewer-add", {"reviewer": asdict(person)})
    else:
        say(f"{person.name} ({person.reviewer_id}, {person.role}) is enrolled as: {_words(person.duties)}")


@app.command("duties")
def duties(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Their account on this machine.")],
    duty: _Duty = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Give a reviewer other duties; only a release manager may, and one is always left."""
    from workflow.change_control.roles import Act, require_role
    from workflow.change_control.signed_acts import person_of
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.identity import set_duties

    with open_ledger(folder) as opened:
        with opened.ledger.read() as connection:
            require_role(person_of(connection, acting_user()).roles, Act.PROMOTE, who=acting_user())
        person = set_duties(opened.ledger, account, _duties(duty), actor=acting_user())
    if as_json:
        emit_json("reviewer-add", {"reviewer": asdict(person)})
    else:
        say(f"{person.name} ({person.reviewer_id}) is: {_words(person.duties)}")


def _duties(named: list[Duty] | None) -> tuple[Role, ...]:
    return tuple(Role(name.value) for name in named or ())


def _words(duties: tuple[Role, ...]) -> str:
    return ", ".join(duty.replace("_", " ") for duty in duties)
