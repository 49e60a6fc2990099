"""The review desk over the ledger: translates ``review_tui``'s protocol, and decides nothing itself.

The rules are in ``workflow.review_policy``, the writes in ``workflow.ledger``. Safe for several threads: the ledger
gives each call a connection of its own, and the facets of candidates only ever grow.
"""

from __future__ import annotations

from workflow.desk.decisions import Decisions
from workflow.desk.lists import Lists
from workflow.desk.together import Together


class LedgerDesk(Lists, Decisions, Together):
    """One reviewer, or a visitor, at the desk of one site."""
