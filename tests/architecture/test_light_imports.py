"""Commands that must be quick import no model, no screen and no graph library (checked in processes of their own)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.cli.bench_startup import HEAVY, imported_by
from workflow.site import HOME_VARIABLE, Site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a command run on a new demo site."""
    folder = tmp_path_factory.mktemp("site") / "site"
    Site.create(folder, demo=True, signer_profile="one_signer")
    return {**os.environ, HOME_VARIABLE: str(folder), "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("status",),
        ("live",),
        ("release", "list"),
        ("batch", "list"),
        ("queue", "list"),
        ("audit", "verify"),
        ("reviewer", "list"),
        ("affected",),
        ("doctor", "--quick"),
    ],
    ids=" ".join,
)
def test_light_commands_load_nothing_heavy(
    arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    assert imported_by(arguments, str(tmp_path), environment) == ()


@pytest.mark.parametrize("arguments", [("night", "--help"), ("promote", "--help"), ("ask", "--help")], ids=" ".join)
def test_help_of_heavy_commands_is_light(
    arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    assert imported_by(arguments, str(tmp_path), environment) == ()


def test_rollback_modules_load_no_model() -> None:
    """The code path of a rollback, not only its refusal: P5 wants neither model nor GPU nor network."""
    program = (
        "import sys, workflow.change_control.rollback, workflow.change_control.promotion\n"
        "import workflow.trace, workflow.doctor\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_naming_every_command_loads_no_database_library() -> None:
    """``--help`` names all of them; their own work is loaded when one is called."""
    program = "import sys, workflow.cli.main; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
