"""Fixtures of change control; what makes them stands in ``made_batches``."""

from tests.workflow.change_control.made_batches import ledger, passed_batch

__all__ = ["ledger", "passed_batch"]
