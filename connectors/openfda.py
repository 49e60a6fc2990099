"""openFDA drug labels: the labels whose own date falls into a window of days.

``effective_time`` is the label's date, not the day it was loaded, so windows overlap widely. The service answers
404 for "nothing", also past the end, and 500 for most mistakes in a query. It never follows a link to another host.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx

from connectors.document_text import DocumentText
from connectors.endpoint import Endpoint
from connectors.errors import AccessDeniedError, QueryRefusedError, SourceDriftedError, SourceUnreachableError
from connectors.http_client import PoliteClient
from connectors.http_reply import Reply
from connectors.notice import Delivery, Document, Notice
from connectors.openfda_records import read_label_records
from connectors.source import DateWindow

EXTRACTOR = "openfda-label/1"
_PATH = "drug/label.json"
_ACCEPTED = frozenset({400, 403, 404, 500})
_MOST_PAGES = 1_000
_NEXT = re.compile(r"<([^<>]+)>\s*;[^,<]*\brel\s*=\s*\"?next\b", re.IGNORECASE)


class OpenFdaLabelSource:
    """Drug labels from openFDA, by their effective date.

    Args:
        client: the way to the network.
        base_url: the service; the path of the label endpoint is added unless the address ends in ``.json``.
        api_key: raises the daily limit from 1,000 to 120,000 requests.
        allow_private: lets base_url be a host of the site's own.
        limit: records of one page, at most 1,000.
        min_interval_s: least time between requests, in seconds (240 a minute are allowed).
        clock: the time for ``Document.fetched_at``.
        name: key in settings, ledger and reports.
        overlap_days: how far a new window reaches back, in days.
    """

    def __init__(
        self,
        client: PoliteClient,
        *,
        base_url: str = "https://api.fda.gov",
        api_key: str | None = None,
        allow_private: bool = False,
        limit: int = 1_000,
        min_interval_s: float = 0.3,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        name: str = "openfda",
        overlap_days: int = 14,
    ) -> None:
        base = base_url.rstrip("/")
        url = base if base.endswith(".json") else f"{base}/{_PATH}"
        self._client = client
        self._endpoint = Endpoint(name, url, allow_private=allow_private, min_interval_s=min_interval_s)
        self._api_key = api_key
        self._limit = max(1, min(limit, 1_000))
        self._clock = clock
        self._name = name
        self._overlap_days = overlap_days

    @property
    def name(self) -> str:
        """The key of this source in settings, ledger and reports."""
        return self._name

    @property
    def overlap_days(self) -> int:
        """How many days a new window reaches back into the one before, in days."""
        return self._overlap_days

    def pull(self, window: DateWindow) -> Iterator[Delivery]:
        """Yield one delivery for each page of labels, oldest effective date first.

        Raises:
            SourceError: one of its subclasses; what was yielded before stays valid.
        """
        target, params = "", self._first_page(window)
        told: set[tuple[str, str]] = set()
        bodies: set[str] = set()
        for page in range(_MOST_PAGES):
            reply = self._get(target, params)
            digest = hashlib.sha256(reply.body).hexdigest()
            if reply.status == httpx.codes.NOT_FOUND or digest in bodies:
                return
            bodies.add(digest)
            delivery, fresh = self._delivery(reply, told, page)
            if fresh or delivery.unreadable:
                yield delivery
            target, params = next_link(reply.headers.get("link", "")), self._key()
            if not target:
                return
        raise SourceDriftedError(
            self._name, f"label: expected at most {_MOST_PAGES} pages, got more; ask for a shorter window"
        )

    def _first_page(self, window: DateWindow) -> dict[str, str]:
        return {
            "search": f"effective_time:[{window.first:%Y%m%d} TO {window.last:%Y%m%d}]",
            "sort": "effective_time:asc",
            "limit": str(self._limit),
            **self._key(),
        }

    def _key(self) -> dict[str, str]:
        return {"api_key": self._api_key} if self._api_key else {}

    def _get(self, target: str, params: dict[str, str]) -> Reply:
        """A page, or the 404 that means the end; a 500 is asked once more, then taken for a mistake of ours."""
        reply = self._client.get(self._endpoint, target, params, accept=_ACCEPTED)
        if reply.status == httpx.codes.INTERNAL_SERVER_ERROR:
            reply = self._client.get(self._endpoint, target, params, accept=_ACCEPTED)
        raise_for_error(self._name, reply)
        return reply

    def _delivery(self, reply: Reply, told: set[tuple[str, str]], page: int) -> tuple[Delivery, bool]:
        """The delivery of one page, and whether it holds anything that was not told before."""
        records, total = read_label_reply(self._name, reply.body)
        text = DocumentText()
        notices, unreadable = read_label_records(self._name, records, text)
        fresh = tuple(n for n in notices if _identity(n) not in told)
        told.update(_identity(n) for n in fresh)
        if page == 0 and total is not None and total > len(records) and not reply.headers.get("link"):
            unreadable += (f"expected {total} labels, got {len(records)} and no next page; the next run asks again",)
        document = Document(
            origin=reply.url,
            media_type=reply.media_type or "application/json",
            raw=reply.body,
            text=text.text,
            extractor=EXTRACTOR,
            fetched_at=self._clock(),
            hidden=text.hidden,
        )
        return Delivery(document=document, notices=fresh, unreadable=unreadable), bool(fresh)


def next_link(header: str) -> str:
    """The address behind ``rel=next`` in a Link header; ``""`` where there is none."""
    match = _NEXT.search(header)
    return match.group(1).strip() if match else ""


def read_label_reply(source: str, body: bytes) -> tuple[list[object], int | None]:
    """The records in a reply (or the one record that it is), and the total that it states.

    Raises:
        SourceDriftedError: not the JSON of a label reply.
    """
    found = _loads(body)
    if not isinstance(found, dict):
        raise SourceDriftedError(source, "label: expected a JSON object, got something else; an engineer must look")
    records = found.get("results")
    if records is None and "set_id" in found:
        return [found], None
    if not isinstance(records, list):
        raise SourceDriftedError(source, "label: expected results, got an object without; an engineer must look at it")
    meta = found.get("meta")
    counts = meta.get("results") if isinstance(meta, dict) else None
    total = counts.get("total") if isinstance(counts, dict) else None
    return records, total if isinstance(total, int) else None


def raise_for_error(source: str, reply: Reply) -> None:
    """Let a page and the 404 of an empty result pass.

    Raises:
        SourceError: what the service's error code, or else the status, means.
    """
    if 200 <= reply.status < 300:
        return
    found = _loads(reply.body)
    error = found.get("error") if isinstance(found, dict) else None
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    if reply.status == httpx.codes.NOT_FOUND and code == "NOT_FOUND":
        return
    if code == "OVER_RATE_LIMIT" or (reply.status == httpx.codes.INTERNAL_SERVER_ERROR and not code):
        raise SourceUnreachableError(
            source, f"label: expected a page, got status {reply.status}; the next run asks again"
        )
    if reply.status == httpx.codes.FORBIDDEN or code.startswith("API_KEY"):
        raise AccessDeniedError(source, f"label: expected access, got status {reply.status}; check api_key")
    raise QueryRefusedError(
        source, f"label: expected a page, got status {reply.status}; check base_url, and have the query corrected"
    )


def _loads(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        return None


def _identity(notice: Notice) -> tuple[str, str]:
    return notice.key, notice.version
