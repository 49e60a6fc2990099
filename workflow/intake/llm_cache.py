"""Language model replies of record: what was asked before is answered from the ledger, so that a night replays exactly.

Owns the table ``llm_calls``. The prompt itself is never stored, only its hash; only replies that were usable are kept.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from workflow.errors import DamagedError
from workflow.intake.llm_wire import LlmAnswer
from workflow.ledger.intake_tables import llm_failures
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import llm_calls


@dataclass(frozen=True)
class CallKey:
    """What makes two calls the same: the document's text, everything the model is shown, and the model."""

    document_sha256: str
    prompt_sha256: str
    model: str

    @property
    def call_id(self) -> str:
        """Hex digest over the three."""
        parts = json.dumps([self.document_sha256, self.prompt_sha256, self.model], separators=(",", ":"))
        return hashlib.sha256(parts.encode()).hexdigest()


class CallCache(Protocol):
    """Where replies are kept between nights."""

    def find(self, key: CallKey) -> str | None:
        """The reply's text, or ``None`` where this was not asked before."""
        ...

    def keep(self, key: CallKey, answer: LlmAnswer) -> None:
        """Remember a usable reply; the first one stays."""
        ...

    def fail(self, key: CallKey, reason: str, seconds: float) -> None:
        """Note that nothing usable came, and why in our own words; it is asked again another time."""
        ...


class RunCallCache:
    """A cache in memory, for measurements and tests: nothing outlives it."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.failures: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing usable came yet."""
        return not self._kept

    def find(self, key: CallKey) -> str | None:
        """The reply's text, or ``None`` where this was not asked before."""
        return self._kept.get(key.call_id)

    def keep(self, key: CallKey, answer: LlmAnswer) -> None:
        """Remember a usable reply; the first one stays."""
        self._kept.setdefault(key.call_id, answer.text)

    def fail(self, key: CallKey, reason: str, seconds: float) -> None:
        """Note why nothing usable came."""
        self.failures.append(f"{key.model}: {reason} ({seconds:.1f} s)")


class LedgerCallCache:
    """The cache in the ledger, for one run."""

    def __init__(self, ledger: Ledger, *, run_id: str, actor: str) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._actor = actor

    def find(self, key: CallKey) -> str | None:
        """The reply's text, or ``None`` where this was not asked before.

        Raises:
            DamagedError: the stored reply is not the one that was stored.
        """
        query = sa.select(llm_calls.c.reply, llm_calls.c.reply_sha256).where(llm_calls.c.call_id == key.call_id)
        with self._ledger.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if _sha256(row.reply) != row.reply_sha256:
            raise DamagedError(
                f"llm call {key.call_id[:12]}: expected a reply with sha256 {row.reply_sha256[:12]}, got another; "
                "run medrek-flow audit verify, then restore a backup"
            )
        return str(row.reply)

    def keep(self, key: CallKey, answer: LlmAnswer) -> None:
        """Remember a usable reply with its hashes, counts and time; the first one stays."""
        said = {
            "document_sha256": key.document_sha256,
            "prompt_sha256": key.prompt_sha256,
            "model": key.model,
            "reply_sha256": _sha256(answer.text),
            "prompt_tokens": answer.prompt_tokens,
            "reply_tokens": answer.reply_tokens,
        }
        with self._ledger.write() as transaction:
            known = sa.select(llm_calls.c.call_id).where(llm_calls.c.call_id == key.call_id)
            if transaction.execute(known).first() is not None:
                return
            row = {
                **said,
                "call_id": key.call_id,
                "run_id": self._run_id,
                "reply": answer.text,
                "seconds": round(answer.seconds, 3),
                "called_at": transaction.now,
            }
            transaction.execute(sa.insert(llm_calls).values(**row))
            transaction.audit("llm.called", key.call_id, said, actor=self._actor)

    def fail(self, key: CallKey, reason: str, seconds: float) -> None:
        """Note that nothing usable came, and why in our own words."""
        with self._ledger.write() as transaction:
            row = {
                "run_id": self._run_id,
                "document_sha256": key.document_sha256,
                "prompt_sha256": key.prompt_sha256,
                "model": key.model,
                "reason": reason[:300],
                "seconds": round(seconds, 3),
                "called_at": transaction.now,
            }
            transaction.execute(sa.insert(llm_failures).values(**row))
            said = {name: row[name] for name in ("document_sha256", "prompt_sha256", "model", "reason")}
            transaction.audit("llm.failed", key.call_id, said, actor=self._actor)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
