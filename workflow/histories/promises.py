"""The promises, asked of the ledger after every step of a history, in words of their own and not of the code's.

P4 (a question that fires no edit gets the base model's own answer) needs a model: ``tests/editor_engine`` has it
(``test_lm_families.py``, ``test_token_loop.py``). P7 is about texts: ``tests/review_tui/test_safe_text.py``.
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import Connection, text

from workflow.change_control.release import read_live
from workflow.change_control.rollback import plan_rollback
from workflow.histories.paper_site import BEGAN
from workflow.histories.release_books import ReleaseBooks
from workflow.histories.releases_on_paper import Release
from workflow.histories.views import first_difference, of_books, of_ledger
from workflow.ledger import audit
from workflow.ledger.ledger import Ledger
from workflow.ledger.record_check import record_defects
from workflow.ledger.shown import shown_sha256
from workflow.records import Candidate
from workflow.rehearsal_records import Rehearsal
from workflow.site import Site
from workflow.trace import trace_candidate

_APPROVALS = (
    "SELECT e.edit_id, e.body AS edit, c.candidate_id, c.body, "
    "(SELECT body FROM rehearsals r WHERE r.candidate_id = c.candidate_id ORDER BY release_id DESC LIMIT 1), "
    "(SELECT group_concat(d.reviewer_id || ' ' || d.shown_sha256, ',') FROM decisions d "
    " LEFT JOIN reversals v ON v.decision_id = d.decision_id "
    " WHERE d.candidate_id = c.candidate_id AND d.verdict = 'approve' AND v.decision_id IS NULL) "
    "FROM release_edits f JOIN edits e ON e.edit_id = f.edit_id JOIN candidates c ON c.candidate_id = e.candidate_id "
    "WHERE f.release_id = ?"
)
_MADE_OF = ("subject", "relation", "object_new", "question", "object_old")


class Broken(Exception):  # noqa: N818 - a finding, named for what it says
    """A promise does not hold; the message says which and how."""


class Promises:
    """Watches one history's ledger; what was verified of the chain is not walked twice."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seq, self._head = 0, audit.GENESIS
        self._known: dict[str, tuple[object, ...]] = {}
        self._turn = 0

    def ask(self, ledger: Ledger, books: ReleaseBooks) -> None:
        """Ask all of it.

        Raises:
            Broken: one does not hold.
        """
        with ledger.read() as connection:
            self._record_equals_books(connection, books)
            self._signed_and_traced(connection, books)
            self._pointer(connection, books)
            self._undoable(connection, books)
            self._chain(connection)

    def ask_whole(self, ledger: Ledger) -> None:
        """Walk the whole chain, compare the record with it, and trace every fact in force to its bytes.

        Raises:
            Broken: something does not fit.
        """
        with ledger.read() as connection:
            walked = audit.verify(connection)
            _hold(walked.ok, f"P6 the audit chain: {walked.reason}")
            _hold(not (defects := record_defects(connection)), f"P6 record and chain: {'; '.join(defects[:2])}")
            live = read_live(connection)
            query = "SELECT e.candidate_id FROM release_edits f JOIN edits e USING (edit_id) WHERE f.release_id = ?"
            ids = connection.exec_driver_sql(query, (live.release_id if live else -1,)).scalars().all()
            for name in ids:
                traced = trace_candidate(connection, self._site.documents, self._site.memory_folder, name)
                _hold(traced.whole and bool(traced.quotes), f"P3 {name}: its trace is not whole")
                _hold(bool(traced.signatures), f"P3 {name}: its trace holds no signature")

    def _record_equals_books(self, connection: Connection, books: ReleaseBooks) -> None:
        words = first_difference(of_ledger(connection), of_books(books))
        _hold(not words, f"the record is not what the naive model says: {words}")

    def _signed_and_traced(self, connection: Connection, books: ReleaseBooks) -> None:
        """P1 and P3: each fact in force is what enough people signed, and its quote stands in its document."""
        live = books.live_id
        for row in connection.exec_driver_sql(_APPROVALS, (live,)).all():
            edit_id = str(row[0])
            if self._known.get(edit_id) == tuple(row):
                continue
            candidate = Candidate.model_validate_json(row[3])
            edit = json.loads(row[1])
            same = all(edit[name] == getattr(candidate, name) for name in _MADE_OF)
            _hold(same and candidate.candidate_id == row[2], f"P1 {edit_id}: it is not what its candidate says")
            rehearsal = None if row[4] is None else Rehearsal.model_validate_json(row[4])
            final = shown_sha256(candidate, rehearsal)
            people = {pair.split(" ")[0] for pair in str(row[5] or "").split(",") if pair.endswith(final)}
            wanted = 2 if candidate.risk == "high" and books.profile == "two_signer" else 1
            _hold(len(people) >= wanted, f"P1 {edit_id}: expected {wanted} people on its final hash, got {len(people)}")
            self._quoted(connection, candidate, edit_id)
            self._known[edit_id] = tuple(row)

    def _quoted(self, connection: Connection, candidate: Candidate, edit_id: str) -> None:
        _hold(bool(candidate.evidence), f"P3 {edit_id}: it rests on nothing")
        for evidence in candidate.evidence:
            query = "SELECT text_sha256 FROM documents WHERE document_id = ?"
            sha256 = connection.exec_driver_sql(query, (evidence.document_id,)).scalar()
            raw = (self._site.data / "documents" / str(sha256)).read_bytes()
            _hold(hashlib.sha256(raw).hexdigest() == sha256, f"P3 {edit_id}: its document is not what was received")
            said = raw.decode()[evidence.start : evidence.end]
            _hold(said == evidence.quote, f"P3 {edit_id}: its quote does not stand in its document")

    def _pointer(self, connection: Connection, books: ReleaseBooks) -> None:
        """P2: what is live is complete, fits, and passed its gate or came from what had."""
        live = read_live(connection)
        if live is None:
            raise Broken("P2 there is no live release")
        _hold(live.digest == books.live.digest, "P2 the live digest is not that of a memory built from what remains")
        if live.cause == "promotion":
            query = (
                "SELECT g.verdict, g.release_id, g.report FROM gates g JOIN batches b ON b.gate_id = g.gate_id "
                "WHERE b.batch_id = ?"
            )
            gate = connection.exec_driver_sql(query, (live.batch_id,)).first()
            passed = gate is not None and gate[0] == "pass" and gate[1] == live.release_id - 1
            _hold(passed, f"P2 release {live.release_id}: no gate passed what it holds")
            judged = json.loads(gate[2])["staged_digest"] if gate else ""
            _hold(judged == live.digest, f"P2 release {live.release_id}: its gate judged another memory")
        elif live.cause != "initial":
            _hold(live.check_state in ("pending", "passed", "failed"), f"P2 release {live.release_id}: no check state")
        query = (
            "SELECT DISTINCT b.shard_path, b.shard_sha256 FROM release_edits f JOIN batches b USING (batch_id) "
            "WHERE f.release_id = ?"
        )
        for path, sha256 in connection.exec_driver_sql(query, (live.release_id,)):
            held = (self._site.memory_folder / path).read_bytes()
            _hold(hashlib.sha256(held).hexdigest() == sha256, f"P2 shard {path} is not what was staged")

    def _undoable(self, connection: Connection, books: ReleaseBooks) -> None:
        """P5: a batch in force, and an edit of it, could be taken out now, with the digest of what then remains."""
        rows = books.live.rows
        in_force = sorted({books.edits[edit].batch for edit in rows})
        if not in_force:
            return
        self._turn += 1
        batch = in_force[self._turn % len(in_force)]
        mine = sorted(edit for edit in rows if books.edits[edit].batch == batch)
        for only in ((), (mine[self._turn % len(mine)],)):
            gone = set(only or mine)
            plan = plan_rollback(connection, batch, only)
            _hold(
                plan.digest_new == _digest(tuple(sha256 for edit, sha256 in rows.items() if edit not in gone)),
                f"P5 {batch}: undone, its digest would not be that of what remains",
            )

    def _chain(self, connection: Connection) -> None:
        """P6: what was added to the chain since the last step follows it."""
        query = text("SELECT * FROM audit WHERE seq >= :seq ORDER BY seq")
        rows = [dict(row) for row in connection.execute(query, {"seq": self._seq}).mappings()]
        if self._seq:
            kept = bool(rows) and rows.pop(0)["hash"] == self._head
            _hold(kept, "P6 the audit chain lost or changed its last row")
        for row in rows:
            _hold(row["seq"] == self._seq + 1, f"P6 audit row {self._seq + 1} is missing")
            _hold(row["prev"] == self._head, f"P6 audit row {row['seq']} does not follow the row before it")
            _hold(audit.row_hash(row) == row["hash"], f"P6 audit row {row['seq']} was changed")
            self._seq, self._head = int(row["seq"]), str(row["hash"])


def _digest(rows: tuple[str, ...]) -> str:
    return Release("", None, "", {str(n): row for n, row in enumerate(rows)}, BEGAN).digest


def _hold(holds: object, words: str) -> None:
    if not holds:
        raise Broken(words)
