"""Made-up replies of Crossref and tables of Retraction Watch, in the shape of the recorded ones."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping

from connectors.retraction_watch_rows import COLUMNS
from tests.connectors.loopback import Answer, Asked

NOTICE, WORK = "10.5555/notice", "10.5555/work"


def update(doi: str, kind: str = "retraction", *, by: str = "publisher", record: str = "") -> dict[str, object]:
    """An entry of ``update-to`` or ``updated-by``."""
    entry: dict[str, object] = {"DOI": doi, "type": kind, "label": kind.replace("_", " ").capitalize(), "source": by}
    return {**entry, "record-id": record} if record else entry


def work(doi: str = NOTICE, **fields: object) -> dict[str, object]:
    """A work; field names with ``_`` stand for ``-``."""
    made: dict[str, object] = {
        "DOI": doi,
        "title": ["Retraction: Corvandine halves mortality"],
        "container-title": ["Journal of Invented Medicine"],
        "issued": {"date-parts": [[2026, 11, 4]]},
    }
    return {**made, **{name.replace("_", "-"): value for name, value in fields.items()}}


def work_list(items: Iterable[object], *, total: int | None = None, cursor: str = "same") -> Answer:
    """A page of a list; the cursor has the same name on every page, as with the real service."""
    found = list(items)
    message = {"total-results": len(found) if total is None else total, "items": found, "next-cursor": cursor}
    return answer({"status": "ok", "message-type": "work-list", "message": message})


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON."""
    return Answer(json.dumps(body).encode(), status, {"Content-Type": "application/json", **(headers or {})})


def failed(kind: str, status: int) -> Answer:
    """A refusal with its reason."""
    message = [{"type": kind, "value": "SECRET", "message": "SECRET"}]
    return answer({"status": "failed", "message-type": "resource-failure", "message": message}, status)


class Scroll:
    """A Crossref that keeps the position itself: every page has the same cursor, and a lost reply loses its page."""

    def __init__(
        self, works: Mapping[str, list[dict[str, object]]], *, trouble: Mapping[int, Answer] | None = None
    ) -> None:
        self.works = works
        self.trouble = dict(trouble or {})
        self.position = 0
        self.requests = 0

    def __call__(self, asked: Asked) -> Answer:
        self.requests += 1
        rows = int(asked.query["rows"])
        update_type = asked.query["filter"].split(",")[0].removeprefix("update-type:")
        found = self.works.get(update_type, [])
        if asked.query["cursor"] == "*":
            self.position = 0
        page = found[self.position : self.position + rows]
        self.position += rows
        return self.trouble.pop(self.requests, None) or work_list(page, total=len(found))


def row(record: int | str = 1, **cells: str) -> list[str]:
    """A row of the table; ``cells`` by column name without blanks."""
    made = {
        "Record ID": str(record),
        "Title": f"Corvandine in heart failure {record}",
        "Journal": "Journal of Invented Medicine",
        "Author": "Ada Example;Ben Example;",
        "RetractionDate": "8/16/2026 0:00",
        "RetractionDOI": f"10.5555/Notice.{record}",
        "RetractionPubMedID": "0",
        "OriginalPaperDate": "9/24/2021 0:00",
        "OriginalPaperDOI": f"10.5555/Work.{record}",
        "OriginalPaperPubMedID": "90000001",
        "RetractionNature": "Retraction",
        "Reason": "+Unreliable Results;+Paper Mill;",
        "Paywalled": "No",
    }
    return [cells.get(column.replace(" ", ""), made.get(column, "")) for column in COLUMNS]


def table(*rows: list[str], header: Iterable[str] = COLUMNS) -> bytes:
    """A table as bytes."""
    out = io.StringIO()
    csv.writer(out).writerows([list(header), *rows])
    return out.getvalue().encode()
