"""Tells what a reply of Crossref means: a page, nothing known, a lost cursor, or one of our errors.

The service answers 404 both for a work that it does not know (plain text) and for a cursor that it forgot (JSON),
400 for a filter that it does not have, and HTML from the gateways before it. Bodies never reach a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from connectors.errors import QueryRefusedError, SourceDriftedError, SourceUnreachableError
from connectors.http_reply import Reply

ANSWERED = frozenset({400, 404})
"""Statuses whose body says what is wrong."""
_INTERVAL = re.compile(r"(\d{1,5})(ms|s|m|h)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST_S, _LONGEST_S = 0.1, 60.0


class CursorLostError(Exception):
    """The service no longer knows the cursor: the window is asked for again from its start."""


@dataclass(frozen=True)
class WorkList:
    """One page of a list: its items, how many there are in all, how many a full page holds, where the next one is."""

    items: tuple[object, ...]
    total: int
    full_page: int
    next_cursor: str


def read_list(source: str, reply: Reply, *, rows: int) -> WorkList:
    """The page of a list for which ``rows`` items were asked.

    Raises:
        CursorLostError: the cursor is not known any more.
        SourceError: no page at all.
    """
    message = _message(source, reply, "work-list")
    if message is None:
        raise QueryRefusedError(source, "works: expected a list, got status 404; check base_url")
    items, total = message.get("items"), message.get("total-results")
    if not isinstance(items, list) or not isinstance(total, int) or isinstance(total, bool):
        raise SourceDriftedError(
            source, "works: expected items and total-results, got a list without; an engineer must look at it"
        )
    per_page, cursor = message.get("items-per-page"), message.get("next-cursor")
    full = per_page if isinstance(per_page, int) and 0 < per_page < rows else rows
    return WorkList(tuple(items), total, full, cursor if isinstance(cursor, str) else "")


def read_work(source: str, reply: Reply) -> Mapping[str, object] | None:
    """The record of one work; None where Crossref does not know it.

    Raises:
        SourceError: neither a work nor a plain "not found".
    """
    try:
        return _message(source, reply, "work")
    except CursorLostError:
        return None


def interval_s(headers: Mapping[str, str], otherwise: float) -> float:
    """The time between two requests that the reply's headers ask for, in seconds, within 0.1 to 60."""
    limit = headers.get("x-rate-limit-limit", "").strip()
    match = _INTERVAL.fullmatch(headers.get("x-rate-limit-interval", "").strip())
    if match is None or not (limit.isascii() and limit.isdigit() and int(limit[:9])):
        return otherwise
    asked = int(match.group(1)) * _SECONDS[match.group(2) or "s"] / int(limit[:9])
    return max(_SHORTEST_S, min(asked, _LONGEST_S))


def _message(source: str, reply: Reply, expected: str) -> Mapping[str, object] | None:
    found = _loads(reply.body)
    if reply.status == httpx.codes.NOT_FOUND:
        if "cursor-invalid" in _complaints(found):
            raise CursorLostError
        return None
    if reply.status == httpx.codes.BAD_REQUEST or (isinstance(found, dict) and found.get("status") == "failed"):
        said = ", ".join(sorted(_complaints(found))) or "no reason that can be read"
        raise QueryRefusedError(
            source, f"works: expected {expected}, got status {reply.status} ({said}); have the query corrected"
        )
    if found is None and reply.body.lstrip()[:1] == b"<":
        raise SourceUnreachableError(source, f"works: expected {expected}, got a web page; the next run asks again")
    message = found.get("message") if isinstance(found, dict) else None
    if not isinstance(found, dict) or found.get("message-type") != expected or not isinstance(message, dict):
        raise SourceDriftedError(
            source, f"works: expected JSON of type {expected}, got something else; an engineer must look at it"
        )
    return message


def _complaints(found: object) -> set[str]:
    """The kinds of complaint in a failed reply, as far as they are plain words."""
    message = found.get("message") if isinstance(found, dict) else None
    kinds = [str(one.get("type", "")) for one in message if isinstance(one, dict)] if isinstance(message, list) else []
    return {kind for kind in kinds if re.fullmatch(r"[a-z-]{1,40}", kind)}


def _loads(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        return None
