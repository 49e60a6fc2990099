"""P6 at the desk: a signature that was acknowledged is there after kill -9, and simultaneous ones do not collide."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select

from tests.workflow.ledger.made_ledgers import PEOPLE, Desk, make_candidate, put_candidate
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import verify_decisions
from workflow.records import CandidateState, Risk

ROOT = Path(__file__).parents[3]
SIGNER = """
import sys
from pathlib import Path
from tests.workflow.ledger.made_ledgers import Desk, TickingClock, make_candidate, put_candidate
from workflow.clock import utc_now
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger
from workflow.records import Risk
from workflow.review_policy import ReviewPolicy
ledger = Ledger.open(Path(sys.argv[1]))
desk = Desk(ledger, DocumentStore(Path(sys.argv[1]).parent / "documents"), ReviewPolicy("two_signer"))
number = 0
while True:
    number += 1
    name = put_candidate(desk, make_candidate(f"drug{number}", risk=Risk.LOW))
    desk.decide("ada", name)
    print(name, flush=True)
"""


def test_a_signature_that_was_told_survives_kill_9(desk: Desk) -> None:
    signer = subprocess.Popen(
        [sys.executable, "-c", SIGNER, str(desk.ledger.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert signer.stdout is not None
    told = [signer.stdout.readline().strip() for _ in range(12)]
    os.kill(signer.pid, signal.SIGKILL)
    told += signer.stdout.read().split()
    signer.wait()
    ledger = Ledger.open(desk.ledger.path)
    with ledger.read() as connection:
        states = {row.candidate_id: row.state for row in connection.execute(select(tables.candidates))}
        decided = set(connection.execute(select(tables.decisions.c.candidate_id)).scalars())
        assert audit.verify(connection).ok
        assert verify_decisions(connection) == ()
    assert set(told) <= decided
    assert {states[name] for name in decided} == {CandidateState.APPROVED}


def test_people_who_sign_at_the_same_moment(desk: Desk) -> None:
    names = [put_candidate(desk, make_candidate(f"drug{number}", risk=Risk.HIGH)) for number in range(5)]
    for person in PEOPLE[:2]:
        for name in names:
            desk.mark(person, name)
    with ThreadPoolExecutor(4) as threads:  # each person twice at once: a double click
        results = list(threads.map(desk.sign, [*PEOPLE[:2], *PEOPLE[:2]]))
    assert sum(len(result.signed) for result in results) == 2 * len(names)
    assert {desk.state(name) for name in names} == {CandidateState.APPROVED}
    with desk.ledger.read() as connection:
        columns = tables.decisions.c
        query = select(columns.candidate_id, columns.reviewer_id)
        signed = [tuple(row) for row in connection.execute(query)]
        assert verify_decisions(connection) == ()
    assert len(signed) == len(set(signed)) == 2 * len(names)
