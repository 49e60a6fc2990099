"""A client without sockets and without time: scripted replies, a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from connectors.http_client import PoliteClient

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
PUBLIC = "93.184.216.34"


@dataclass
class FakeTime:
    """A clock that only ``sleep`` moves."""

    at: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


def resolving(addresses: Mapping[str, Sequence[str]]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows these names only."""

    def resolver(host: str, port: int) -> Sequence[str]:
        if host not in addresses:
            raise OSError("no such name")
        return addresses[host]

    return resolver


def offline_client(
    answer: Callable[[httpx.Request], httpx.Response],
    *,
    time: FakeTime | None = None,
    addresses: Mapping[str, Sequence[str]] | None = None,
    attempts: int = 4,
    max_bytes: int = 1_000_000,
) -> PoliteClient:
    """A client whose every exchange is ``answer``; names resolve to a public address unless told otherwise."""
    time = time or FakeTime()
    return PoliteClient(
        "pharmacy@hospital.example",
        transport=httpx.MockTransport(answer),
        resolver=resolving(addresses or {"source.example": [PUBLIC]}),
        sleep=time.sleep,
        clock=time.clock,
        now=lambda: NOW,
        jitter=lambda: 0.5,
        attempts=attempts,
        max_bytes=max_bytes,
        trust_env=False,
    )
