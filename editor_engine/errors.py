"""Errors of the engine, grouped by what the caller should do about them."""

from __future__ import annotations


class EngineError(Exception):
    """Something the engine refuses to work with; the message says what, expected, got and the next step."""


class MemoryDamagedError(EngineError):
    """A shard is missing, truncated or does not have the sha256 that the ledger names: do not use it."""


class BaseModelError(EngineError):
    """The base model is missing, cannot be loaded, or is not the one that the release fits."""


class EncoderError(EngineError):
    """The encoder's files are missing or are not the ones whose digest is known."""
