"""The folder of real data, as the intake's tests take it."""

from __future__ import annotations

from tests.workflow.intake.conftest import real_data

__all__ = ["real_data"]
