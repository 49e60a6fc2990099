"""The clock that is passed in, and the one spelling of a time on record: UTC, ISO 8601, seconds, ``Z``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the present time, aware, in UTC."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """Spell an aware time as the ledger does, so that texts sort as times do: ``2026-11-20T10:57:25Z``."""
    if moment.tzinfo is None:
        raise ValueError("expected an aware time, got a naive one")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_moment(text: str) -> datetime:
    """Read a time that ``utc_text`` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
