"""Candidates that are made false on purpose, to see whether reviewers notice: off unless a site's settings ask for it.

Made from real ones, with their evidence, and never next to them: the quote says one thing and the candidate another.
Which they are stands in a table of its own that no screen reads; the chain holds only a hash of it until the
reviewer's signature reveals it. They can never reach the memory: their decision closes them, and the ledger itself
refuses to make an edit of one (a trigger). On a SQLite site who can read the file can read that table: this measures
attention, not honesty.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, func, insert, select, update

from workflow.ledger.audit import canonical_json
from workflow.ledger.case_file import CaseFile, read_case_files
from workflow.ledger.desk_tables import seeded_candidates
from workflow.ledger.fixing import insert_candidate
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.tables import candidates, marks, rehearsals, reviewers
from workflow.records import Action, Candidate, CandidateState, Verdict
from workflow.rehearsal_records import Rehearsal

RUN = "attention"
"""Stands where other candidates name the run that proposed them."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TIMES = (10.0, 2.0, 0.1, 0.5)


@dataclass(frozen=True)
class Revealed:
    """A candidate that was made false on purpose, once somebody signed a decision on it."""

    candidate_id: str
    noticed: bool
    how: str
    """What was made of what."""


@dataclass(frozen=True)
class Attention:
    """How often one reviewer noticed what was made false."""

    reviewer_id: str
    name: str
    seen: int
    missed: int

    @property
    def miss_rate(self) -> float:
        """Share of what was made false that they approved; 0 where they saw none."""
        return self.missed / self.seen if self.seen else 0.0


def seed_candidates(ledger: Ledger, *, share: float, seed: int) -> int:
    """Put false candidates among the pending ones until they are that share of them; give how many came.

    Args:
        ledger: The site's.
        share: Of the pending candidates, at most 1; 0 puts none.
        seed: Chooses which ones and how; the same seed on the same queue makes the same ones.
    """
    if share <= 0:
        return 0
    with ledger.write() as transaction:
        pending, open_seeds = _waiting(transaction.connection)
        wanted = int(share * pending) - open_seeds
        if wanted <= 0:
            return 0
        chance = random.Random(seed)  # noqa: S311 - which candidate is asked twice, not a secret
        made = 0
        origins = _origins(transaction.connection, chance)[: 4 * wanted]
        for file in read_case_files(transaction.connection, origins):
            false = None if file.rivals or file.rehearsal is None else make_false(file.candidate, chance)
            if false is not None and made < wanted:
                made += _put(transaction, file, *false)
    return made


def make_false(candidate: Candidate, chance: random.Random) -> tuple[Candidate, str] | None:
    """Make a candidate that its own evidence contradicts, with what was changed; None where there is no plain way."""
    said = candidate.object_new
    numbers = list(_NUMBER.finditer(said))
    if numbers:
        number = chance.choice(numbers)
        false = said[: number.start()] + f"{float(number[0]) * chance.choice(_TIMES):.10g}" + said[number.end() :]
    elif candidate.object_old and candidate.object_old.strip():
        false = candidate.object_old
    else:
        return None
    if false.casefold() == said.casefold():
        return None
    old = None if candidate.object_old == false else candidate.object_old
    made = candidate.model_copy(update={"object_new": false, "object_old": old, "must_not_assert": ()})
    return made, f"{said!r} was made {false!r}"


def is_seeded(connection: Connection, candidate_id: str) -> bool:
    """Tell whether a candidate was made false on purpose; never shown before it is signed."""
    known = select(seeded_candidates.c.candidate_id).where(seeded_candidates.c.candidate_id == candidate_id)
    return connection.execute(known).first() is not None


def reveal(transaction: Transaction, candidate_id: str, *, reviewer_id: str, verdict: Verdict) -> Revealed:
    """Note that a false candidate was decided, with the chain's row that opens its seal."""
    row = transaction.execute(select(seeded_candidates).where(seeded_candidates.c.candidate_id == candidate_id)).one()
    noticed = verdict is not Verdict.APPROVE
    transaction.execute(
        update(seeded_candidates)
        .where(seeded_candidates.c.candidate_id == candidate_id)
        .values(revealed_at=transaction.now, reviewer_id=reviewer_id, verdict=verdict, noticed=int(noticed))
    )
    transaction.execute(
        update(candidates).where(candidates.c.candidate_id == candidate_id).values(reason="made false on purpose")
    )
    opened = {"origin": row.origin_id, "how": row.how, "noticed": noticed, "seal": _seal(candidate_id, row.how)}
    transaction.audit("attention.revealed", f"candidate:{candidate_id}", opened, actor=reviewer_id)
    return Revealed(candidate_id, noticed, row.how)


def read_attention(connection: Connection) -> tuple[Attention, ...]:
    """Give how often each reviewer noticed, by name; who saw none is left out."""
    columns = seeded_candidates.c
    query = (
        select(columns.reviewer_id, reviewers.c.name, func.count(), func.sum(1 - columns.noticed))
        .join(reviewers, reviewers.c.reviewer_id == columns.reviewer_id)
        .where(columns.revealed_at.is_not(None))
        .group_by(columns.reviewer_id, reviewers.c.name)
        .order_by(reviewers.c.name)
    )
    return tuple(Attention(*row) for row in connection.execute(query))


def _origins(connection: Connection, chance: random.Random) -> list[str]:
    """Name what a false candidate can be made of, in the order of choice.

    First what was approved and waits for its promotion: it is in no list of what is to be decided any more. Then, of
    each tier, the older half of what is pending: a false candidate is the newest of its tier, so half of the tier
    stands between it and its original.
    """
    query = (
        select(candidates.c.candidate_id, candidates.c.state, candidates.c.risk)
        .where(
            candidates.c.state.in_((CandidateState.APPROVED, CandidateState.BATCHED, CandidateState.PENDING)),
            candidates.c.action == Action.EDIT,
            candidates.c.candidate_id.not_in(select(seeded_candidates.c.candidate_id)),
            candidates.c.candidate_id.not_in(select(seeded_candidates.c.origin_id)),
            candidates.c.candidate_id.not_in(select(marks.c.candidate_id)),
        )
        .order_by(candidates.c.created_at, candidates.c.candidate_id)
    )
    decided: list[str] = []
    tiers: dict[str, list[str]] = {}
    for row in connection.execute(query):
        (tiers.setdefault(row.risk, []) if row.state == CandidateState.PENDING else decided).append(row.candidate_id)
    older = [name for risk in sorted(tiers) for name in tiers[risk][: len(tiers[risk]) // 2]]
    chance.shuffle(decided)
    chance.shuffle(older)
    return [*decided, *older]


def _waiting(connection: Connection) -> tuple[int, int]:
    """Count the real candidates and the false ones that wait for a decision."""
    is_false = candidates.c.candidate_id.in_(select(seeded_candidates.c.candidate_id))
    query = select(func.count(), func.sum(is_false.cast(Integer))).where(
        candidates.c.state == CandidateState.PENDING, candidates.c.action == Action.EDIT
    )
    every, false = connection.execute(query).one()
    return int(every) - int(false or 0), int(false or 0)


def _put(transaction: Transaction, file: CaseFile, false: Candidate, how: str) -> int:
    """Put a false candidate with its rehearsal into the queue; 0 where the very same is there."""
    known = select(candidates.c.candidate_id).where(candidates.c.candidate_id == false.candidate_id)
    if file.rehearsal is None or transaction.execute(known).first() is not None:
        return 0
    name = insert_candidate(
        transaction, false, run_id=RUN, change_id=file.change_id, actor="medrek-flow", state=CandidateState.PENDING
    )
    apart = f"{RUN}|{name}"  # so that it is no rival of a real candidate, and none is merged with it
    transaction.execute(update(candidates).where(candidates.c.candidate_id == name).values(functional_key=apart))
    record = _rehearsed(file.rehearsal, false, was=file.candidate.object_new)
    transaction.execute(
        insert(rehearsals).values(
            candidate_id=name,
            content_sha256=false.content_sha256,
            release_id=record.release_id,
            rehearsed_at=transaction.now,
            body=record.model_dump_json(),
        )
    )
    sealed = {"candidate_id": name, "origin_id": file.candidate_id, "how": how, "seeded_at": transaction.now}
    transaction.execute(insert(seeded_candidates).values(**sealed))
    transaction.audit("attention.seeded", RUN, {"seal": _seal(name, how)}, actor="medrek-flow")
    return 1


def _rehearsed(rehearsal: Rehearsal, false: Candidate, *, was: str) -> Rehearsal:
    """Give the rehearsal as it would look with the false object."""
    pattern = re.compile(re.escape(was), re.IGNORECASE)
    outcomes = tuple(
        outcome.model_copy(
            update={"would_say": pattern.sub(lambda _: false.object_new, outcome.would_say) or false.object_new}
        )
        for outcome in rehearsal.outcomes
    )
    told = {"candidate_id": false.candidate_id, "content_sha256": false.content_sha256, "already_says": False}
    return rehearsal.model_copy(update={**told, "outcomes": outcomes})


def _seal(*parts: str) -> str:
    named: Sequence[str] = parts
    return hashlib.sha256(canonical_json(list(named)).encode("ascii")).hexdigest()
