"""One place at the desk: the ledger, who sits there, by which rules. A visitor sees everything and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from review_tui.errors import DeskError, DeskUnavailableError, NoSuchCandidateError
from workflow.clock import utc_text
from workflow.errors import BusyError, UsageError, WorkflowError
from workflow.identity import Reviewer, WrongPinError
from workflow.ledger.deputies import stands_in_for
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger
from workflow.ledger.queue import Onlooker
from workflow.ledger.queue_filter import Facets
from workflow.review_policy import ReviewPolicy
from workflow.settings.control import AffectedTable


@dataclass(frozen=True)
class DeskRules:
    """What the site's settings say of the desk."""

    sources: tuple[str, ...] = ()
    """Names of the sources that are switched on, to say which are behind."""
    claim_lasts: timedelta = timedelta(minutes=30)
    idle_lock: timedelta = timedelta(0)
    """Without a key for so long the screens lock; 0 for never."""
    drug_classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    affected: AffectedTable = field(default_factory=AffectedTable)
    """How soon what is affected is to be decided."""


class Seat:
    """What every part of the desk shares."""

    def __init__(
        self, ledger: Ledger, store: DocumentStore, reviewer: Reviewer | None, *, rules: DeskRules | None = None
    ) -> None:
        """Sit down.

        Args:
            ledger: The site's ledger.
            store: Its documents.
            reviewer: Who sits here, found by the operating system's account; None for a visitor, who only reads.
            rules: What the settings say.
        """
        self._ledger = ledger
        self._store = store
        self._sitter = reviewer
        self._rules = rules or DeskRules()
        self._kind = ledger.kind()
        self._policy = ReviewPolicy(ledger.signer_profile())
        self._facets = Facets(self._rules.drug_classes)

    @property
    def _me(self) -> str:
        """Account of who sits here; empty for a visitor."""
        return self._sitter.reviewer_id if self._sitter else ""

    def _reviewer(self) -> Reviewer:
        """Give who sits here, before anything is written.

        Raises:
            DeskError: A visitor wants to write.
        """
        if self._sitter is None:
            raise DeskError("read only: nobody is signed in here, so nothing can be changed")
        return self._sitter

    def _onlooker(self, connection: Connection) -> Onlooker:
        now = utc_text(self._ledger.clock())
        away = stands_in_for(connection, self._me, today=now[:10]) if self._me else ()
        return Onlooker(self._me, tuple(one.reviewer_id for one in away), now)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with told(), self._ledger.read() as connection:
            yield connection


@contextmanager
def told() -> Iterator[None]:
    """Turn the workflow's errors into the desk's, each one line; a wrong PIN is a result and passes."""
    try:
        yield
    except WrongPinError:
        raise
    except BusyError as error:
        raise DeskUnavailableError(str(error)) from error
    except UsageError as error:
        raise NoSuchCandidateError(str(error)) from error
    except WorkflowError as error:
        raise DeskError(str(error)) from error


@contextmanager
def asked() -> Iterator[None]:
    """Turn what is wrong with a reviewer's own words into a plain desk error: no candidate is missing."""
    try:
        with told():
            yield
    except NoSuchCandidateError as error:
        raise DeskError(str(error)) from error
