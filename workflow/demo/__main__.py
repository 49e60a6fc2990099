"""``make demo``: one night after another on a throw-away demo site, by the real commands, every claim checked.

Exit code 0 when every claim held, 1 when one was wrong, 2 for unusable arguments.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from editor_engine.errors import EngineError
from workflow.demo import acts
from workflow.demo.acts import Play
from workflow.demo.stage import Stage
from workflow.errors import WorkflowError
from workflow.site import Site
from workflow.workbench import BUNDLED_MODEL, Workbench, load_memory


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo."""
    chosen = _arguments(arguments)
    started = time.monotonic()
    _quieten()
    with contextlib.ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medrek-flow-demo-")))
        stage = stack.enter_context(Stage.set_up(Path(folder) / "site", chosen.model))
        try:
            play = _play(stage, chosen.keep_queue)
        except (WorkflowError, EngineError) as error:
            stage.expect(claim=str(error), holds=False)
            return 1
        took = time.monotonic() - started
        stage.console.print()
        if stage.wrong:
            stage.say(f"{len(stage.wrong)} of {stage.checked} claims were WRONG ({took:.0f} s)", style="bold red")
            return 1
        stage.say(f"all {stage.checked} claims held ({took:.0f} s)", style="bold green")
        if sys.stdin.isatty() and sys.stdout.isatty() and not chosen.no_ask:
            _ask_anything(play)
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflow.demo", description="Play one night after another.")
    parser.add_argument(
        "--model", default=BUNDLED_MODEL, help="hub id or folder of a causal LM (default: the bundled one)"
    )
    parser.add_argument("--keep", type=Path, default=None, metavar="DIR", help="make the demo site in DIR and keep it")
    parser.add_argument(
        "--keep-queue", type=Path, default=None, metavar="DIR", help="keep in DIR the site as it was before the signing"
    )
    parser.add_argument("--no-ask", action="store_true", help="do not end with 'ask it anything' on a terminal")
    return parser.parse_args(arguments)


def _quieten() -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("transformers").setLevel(logging.ERROR)


def _play(stage: Stage, keep_queue: Path | None = None) -> Play:
    stage.say("medrek-flow demo. Everything in it is invented: drugs, trials, doses. No medical advice.", style="bold")
    stage.make_site()
    site = Site(stage.root)
    ledger = site.open_ledger()
    stage.say(f"loading the model ({stage.model}) ...", style="dim")
    play = Play(stage, site, ledger, Workbench.open(site))
    acts.baseline(play)
    acts.proposals(play)
    acts.rehearsals(play)
    if keep_queue is not None:  # by a process of its own: opening the ledger's file here would drop this one's locks
        subprocess.run(["cp", "-a", str(site.root), str(keep_queue)], check=True)
    acts.signing(play)
    acts.gate_and_kill(play)
    if not play.promoted:
        return play
    acts.start_table(play)
    acts.retraction(play)
    acts.rollback(play)
    acts.show_table(play)
    acts.trace(play)
    return play


def _ask_anything(play: Play) -> None:
    stage = play.stage
    stage.act(10, "Ask it anything (release 1 is put back in force for you; empty line ends)")
    model = play.bench.gated_model.with_memory(load_memory(play.ledger, play.site.memory_folder, play.promoted))
    while True:
        try:
            question = input("? ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if not question:
            return
        answer = model.answer([question], max_new_tokens=play.bench.max_new_tokens)[0]
        why = f"edit {answer.firing.edit_id}" if answer.firing.edit_id else f"no edit: {answer.firing.silence}"
        stage.say(f"  {answer.text}   [{why}, score {answer.firing.score:.2f}]  DEMO, no medical advice")


if __name__ == "__main__":
    sys.exit(main())
