"""Errors of the connectors, grouped by what the caller should do about them.

A message names source, what, expected, got and the next step; it never holds a response body or a key.
"""

from __future__ import annotations


class SourceError(Exception):
    """A source could not be read; the run reports it and goes on with the others."""

    def __init__(self, source: str, message: str) -> None:
        """Remember the source and its one-line message."""
        super().__init__(f"source {source}: {message}")
        self.source = source


class SourceUnreachableError(SourceError):
    """Timed out, refused, rate-limited or answered 5xx after bounded retries: the next night tries again."""


class MoreLeftError(SourceError):
    """More was there than one run may fetch: what came is kept, the cursor stays, the next night goes on."""


class QueryRefusedError(SourceError):
    """The service says that the request is wrong, or dropped a part of it: settings or code must change."""


class AccessDeniedError(SourceError):
    """Key missing, invalid or blocked: a person must look at the credentials."""


class SourceDriftedError(SourceError):
    """The reply is not of the expected shape: the cursor stays, an engineer must look at it."""


class AddressRefusedError(SourceError):
    """The address is private, of another host, or not https, and the settings do not allow it."""
