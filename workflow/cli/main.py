"""The ``medrek-flow`` command: every group of commands in one program, behind one error boundary.

Importing this module imports neither torch nor textual nor langgraph: each command imports its heavy parts itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from workflow.cli import (
    affected,
    ask,
    audit,
    batch,
    bench,
    check,
    data,
    envelope,
    expedite,
    flag,
    live,
    night,
    promotion,
    queue_acts,
    rebase,
    review,
    reviewer_desk,
    selftest,
    services,
    setup,
    site_copy,
    sources,
    status,
    train,
)
from workflow.cli.boundary import run_guarded
from workflow.errors import ExitCode, UsageError, WorkflowError

PROGRAM = "medrek-flow"

app = typer.Typer(
    name=PROGRAM,
    help="Keeps a medical language model current: nightly evidence, human review, key-value edits, a gate, rollback.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (
    status,
    night,
    review,
    flag,
    check,
    promotion,
    expedite,
    rebase,
    ask,
    live,
    setup,
    services,
    site_copy,
    selftest,
    train,
):
    app.add_typer(part.commands)
for name, panel, group in (
    ("queue", "Every day", queue_acts.app),
    ("batch", "Change what is live", batch.app),
    ("envelope", "Change what is live", envelope.app),
    ("affected", "Look", affected.app),
    ("release", "Look", live.releases),
    ("audit", "Look", audit.app),
    ("sources", "Site", sources.app),
    ("reviewer", "Site", reviewer_desk.app),
    ("bench", "Site", bench.app),
    ("data", "Site", data.app),
):
    app.add_typer(group, name=name, rich_help_panel=panel)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"{PROGRAM} {version(PROGRAM)}\n")
        raise typer.Exit


@app.callback()
def program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep a medical language model current."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    _quieten_libraries()
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run_guarded(lambda: _run(given)))


def _run(given: list[str]) -> None:
    """Run the command that was typed.

    Raises:
        UsageError: Its words are off: in one line, as every other refusal, not in the library's box.
        WorkflowError: The person ended a question without an answer.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(args=given, prog_name=PROGRAM, standalone_mode=False)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed when it was made
            sys.exit(int(ExitCode.USAGE))
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        said = error.format_message().rstrip(".").replace("Value error, ", "")
        raise UsageError(f"{said}; see {path} --help") from error
    except typer.Abort as error:
        raise WorkflowError("ended without an answer; nothing was changed") from error
    if code:
        sys.exit(code)


def _quieten_libraries() -> None:
    """Keep the model libraries' own progress bars out of logs; read by them when they are first imported."""
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
