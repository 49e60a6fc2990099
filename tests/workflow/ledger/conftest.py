"""Fixtures of the ledger's tests; what makes them stands in ``made_ledgers``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.ledger.made_ledgers import Desk, create_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A two-signer demo site with three scripted people."""
    made = create_desk(tmp_path / "site")
    yield made
    made.ledger.close()
