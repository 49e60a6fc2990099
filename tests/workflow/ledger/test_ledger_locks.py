"""Two ledgers open in one process, and another process that writes: nothing that it writes may stay unseen.

A file opened and closed beside SQLite gives up SQLite's POSIX locks; the other process then deletes the write-ahead
log under the first, which goes on reading the past. This happened once; it must not come back.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from workflow.ledger.ledger import Ledger

_WRITE = """
import sys
from pathlib import Path
from workflow.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]))
with ledger.write() as transaction:
    transaction.audit("tests.wrote", "site", {}, actor="tests")
ledger.close()
"""


def _length(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM audit").scalar_one())


def test_what_another_process_writes_is_seen_by_both(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    first = Ledger.create(path, kind="hospital", signer_profile="one_signer", actor="tests")
    second = Ledger.open(path)
    before = _length(first)
    for number in range(1, 4):
        subprocess.run([sys.executable, "-c", _WRITE, str(path)], check=True)
        assert (_length(first), _length(second)) == (before + number, before + number)
    first.close()
    second.close()
