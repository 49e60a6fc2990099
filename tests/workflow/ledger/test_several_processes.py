"""Two reviewers and the night job write one SQLite ledger at once; what was acknowledged survives ``kill -9``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from tests.workflow.ledger.made_ledgers import create_desk, make_candidate, put_candidate
from workflow.ledger import audit, tables
from workflow.ledger.signing import verify_decisions
from workflow.records import Risk

ROOT = Path(__file__).parents[3]
_REVIEWS = """
import sys
from pathlib import Path
from tests.workflow.ledger.made_ledgers import Desk
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger
from workflow.review_policy import ReviewPolicy
from workflow.records import Verdict
folder, person, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
desk = Desk(Ledger.open(folder / "ledger.sqlite"), DocumentStore(folder / "documents"), ReviewPolicy("two_signer"))
for name in names:
    refused = desk.mark(person, name, Verdict.DEFER, reason_code="await_source")
    print("marked" if not refused else "refused", name, flush=True)
    for one in desk.sign(person).signed:
        print("signed", one, flush=True)
"""
_NIGHT = """
import sys
from pathlib import Path
from workflow.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]) / "ledger.sqlite")
for number in range(int(sys.argv[2])):
    with ledger.write() as transaction:
        transaction.audit("night.step", "run:r1", {"number": number}, actor="medrek-flow")
print("done", flush=True)
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_reviewers_and_the_night_at_once(tmp_path: Path) -> None:
    made = create_desk(tmp_path / "site")
    names = [put_candidate(made, make_candidate(f"drug{n}", risk=Risk.LOW)) for n in range(16)]
    folder = str(tmp_path / "site")
    ada = start(_REVIEWS, folder, "ada", ",".join(names[:8]))
    ben = start(_REVIEWS, folder, "ben", ",".join(names[8:]))
    night = start(_NIGHT, folder, "60")
    said = [process.communicate(timeout=60) for process in (ada, ben, night)]
    assert [error for _, error in said] == ["", "", ""]
    assert said[2][0] == "done\n"
    assert sum(line.startswith("signed") for out, _ in said for line in out.splitlines()) == 16
    with made.ledger.read() as connection:
        assert audit.verify(connection).ok
        assert verify_decisions(connection) == ()
        assert len(connection.execute(select(tables.decisions)).all()) == 16
    made.ledger.close()


def test_what_was_acknowledged_survives_the_kill(tmp_path: Path) -> None:
    made = create_desk(tmp_path / "site")
    names = [put_candidate(made, make_candidate(f"drug{n}", risk=Risk.LOW)) for n in range(40)]
    process = start(_REVIEWS, str(tmp_path / "site"), "ada", ",".join(names))
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        told.append(line.strip())
        if len(told) == 9:
            process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    assert process.returncode == -signal.SIGKILL
    marked = {line.split()[1] for line in told if line.startswith("marked")}
    signed = {line.split()[1] for line in told if line.startswith("signed")}
    assert len(signed) >= 4
    with made.ledger.read() as connection:
        decided = set(connection.execute(select(tables.decisions.c.candidate_id)).scalars())
        waiting = set(connection.execute(select(tables.marks.c.candidate_id)).scalars())
        assert signed <= decided
        assert marked <= decided | waiting
        assert audit.verify(connection).ok
        assert verify_decisions(connection) == ()
    made.ledger.close()
