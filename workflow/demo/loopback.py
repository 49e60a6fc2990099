"""The demo's world on loopback: E-utilities and openFDA as they answer on a night, and the drop folder's files.

Owns the behaviour of the two services that connectors depend on: windows, paging, history, errors in the body. It
serves the invented records of ``sources/`` only, and never listens on anything but loopback.
"""

from __future__ import annotations

import json
import os
import re
import threading
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import JsonValue

from workflow.demo.loopback_server import LoopbackServer
from workflow.demo.story import PubMedRecord, files_on, labels_on, night_times, records_on

_Params = dict[str, str]
_Page = tuple[int, str, bytes, dict[str, str]]
_DOCTYPE: Final = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">'
)
_QUOTED_TYPE: Final = re.compile(r'"([^"]+)"\[pt\]', re.IGNORECASE)
_BARE_TYPE: Final = re.compile(r"\b(\w+)\[pt\]", re.IGNORECASE)
_RANGE: Final = re.compile(r"\s*effective_time:\[(\d{4}-?\d\d-?\d\d) TO (\d{4}-?\d\d-?\d\d)\]\s*")
_TERM: Final = re.compile(r'\s*(?:openfda\.)?(?:spl_)?set_id:"?([0-9a-fA-F-]{36})"?\s*')
_MOST_IDS: Final = 9_999
_MOST_LABELS: Final = 1_000
_MOST_SKIPPED: Final = 25_000


class LoopbackWorld:
    """Both services on one port; ``with LoopbackWorld() as world:`` starts them, ``world.night = 1`` moves on.

    ``asked`` holds the path of every request, without its query.
    """

    def __init__(self, night: int = 0) -> None:
        """Bind a free port of 127.0.0.1; nothing is served yet."""
        self._night = 0
        self.night = night
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._histories: dict[str, list[tuple[PubMedRecord, ...]]] = {}
        self._server = LoopbackServer(_handler(self))

    @property
    def night(self) -> int:
        """The night whose state of the world is served."""
        return self._night

    @night.setter
    def night(self, night: int) -> None:
        if not 0 <= night < len(night_times()):
            raise ValueError(f"night: expected 0 to {len(night_times()) - 1}, got {night}")
        self._night = night

    @property
    def now(self) -> datetime:
        """When this night is run."""
        return night_times()[self.night]

    @property
    def url(self) -> str:
        """The address of both services."""
        return self._server.url

    @property
    def pubmed_url(self) -> str:
        """What ``sources.pubmed.base_url`` is set to."""
        return f"{self.url}/entrez/eutils"

    @property
    def openfda_url(self) -> str:
        """What ``sources.openfda.base_url`` is set to."""
        return self.url

    def __enter__(self) -> LoopbackWorld:
        """Start to answer."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and free the port."""
        self.stop()

    def stop(self) -> None:
        """Stop and free the port."""
        self._server.stop()

    def fill_drop_folder(self, folder: Path) -> tuple[str, ...]:
        """Write this night's files, with the night's time as theirs; names of those that are new or changed."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for file in files_on(self.night):
            path = folder / file.name
            if not path.exists() or path.read_bytes() != file.content:
                path.write_bytes(file.content)
                os.utime(path, (self.now.timestamp(), self.now.timestamp()))
                written.append(file.name)
        return tuple(written)

    def answer(self, path: str, params: _Params) -> _Page:
        """Status, media type, body and further headers of the reply to a request."""
        self.asked.append(path)
        match path:
            case "/entrez/eutils/esearch.fcgi":
                return self._esearch(params)
            case "/entrez/eutils/efetch.fcgi":
                return self._efetch(params)
            case "/drug/label.json":
                return self._labels(params)
            case _:
                return 404, "text/plain", b"no such path\n", {}

    def _esearch(self, params: _Params) -> _Page:
        """JSON; the matching records are kept as a set of the history where ``usehistory=y`` asks for it."""
        if params.get("db") != "pubmed":
            return _json(200, {"esearchresult": {"ERROR": "Invalid db name specified: " + params.get("db", "")}})
        found = _matching(records_on(self.night), params)
        start, most = _number(params, "retstart", 0), min(_number(params, "retmax", 20), _MOST_IDS)
        ids: list[JsonValue] = [record.pmid for record in found[start : start + most]]
        result: dict[str, JsonValue] = {
            "count": str(len(found)),
            "retmax": str(len(ids)),
            "retstart": str(start),
            "idlist": ids,
            "translationset": [],
            "querytranslation": params.get("term", ""),
        }
        if params.get("usehistory") == "y":
            web_env, key = self._remember(params.get("WebEnv", ""), found)
            result |= {"querykey": key, "webenv": web_env}
        if not found:
            result["warninglist"] = {
                "phrasesignored": [],
                "quotedphrasesnotfound": [],
                "outputmessages": ["No items found."],
            }
        return _json(200, {"header": {"type": "esearch", "version": "0.3"}, "esearchresult": result})

    def _remember(self, web_env: str, found: tuple[PubMedRecord, ...]) -> tuple[str, str]:
        with self._lock:
            name = web_env if web_env in self._histories else f"MCID_demo{len(self._histories) + 1:06d}"
            sets = self._histories.setdefault(name, [])
            sets.append(found)
            return name, str(len(sets))

    def _efetch(self, params: _Params) -> _Page:
        """XML with the external DOCTYPE, by ids or by a set of the history."""
        if params.get("db") != "pubmed" or params.get("retmode") != "xml":
            return _xml(400, "<eFetchResult>\n<ERROR>Unsupported db or retmode</ERROR>\n</eFetchResult>\n")
        start, most = _number(params, "retstart", 0), _number(params, "retmax", _MOST_IDS)
        if "id" in params:
            wanted = params["id"].split(",")
            found = tuple(record for record in records_on(self.night) if record.pmid in wanted)
            return _articles(found[start : start + most])
        with self._lock:
            sets = self._histories.get(params.get("WebEnv", ""), [])
        key = _number(params, "query_key", 0)
        if not 1 <= key <= len(sets) or start >= len(sets[key - 1]):
            text = "Cannot retrieve history data: OUT OF RANGE"
            return _xml(400, f"<eFetchResult>\n<ERROR>{text}</ERROR>\n</eFetchResult>\n")
        return _articles(sets[key - 1][start : start + most])

    def _labels(self, params: _Params) -> _Page:
        """A page of labels as openFDA gives it: 404 for nothing, a Link to the next page where there may be one."""
        limit, skip = _number(params, "limit", 1), _number(params, "skip", 0)
        after = params.get("search_after")
        if limit > _MOST_LABELS or skip > _MOST_SKIPPED or (skip and after):
            return _openfda_error(400, "BAD_REQUEST", "Skip value must 25000 or less.")
        if params.get("sort", "effective_time:asc") != "effective_time:asc":
            return _openfda_error(400, "BAD_REQUEST", "Sorting allowed by non-analyzed fields only")
        found = _found_labels(labels_on(self.night), params.get("search", ""))
        if found is None:
            return _openfda_error(500, "SERVER_ERROR", "Check your request and try again")
        start = _place(after) if after else skip
        page: list[JsonValue] = [*found[start : start + limit]]
        if not page:
            return _openfda_error(404, "NOT_FOUND", "No matches found!")
        counts: dict[str, JsonValue] = {"skip": skip, "limit": limit, "total": len(found)}
        meta: dict[str, JsonValue] = {
            "disclaimer": "Invented records of a demonstration. Do not rely on them for anything.",
            "last_updated": self.now.date().isoformat(),
            "results": counts,
        }
        headers = {}
        if len(page) >= limit and limit != len(found):
            query = urlencode({**params, "skip": "0", "search_after": f"0={start + limit}"})
            headers["Link"] = f'<{self.url}/drug/label.json?{query}>; rel="next"'
        status, media_type, body, _ = _json(200, {"meta": meta, "results": page})
        return status, media_type, body, headers


def _matching(records: tuple[PubMedRecord, ...], params: _Params) -> tuple[PubMedRecord, ...]:
    """The records of one of the publication types asked for, dated within the window, newest first."""
    term = params.get("term", "")
    types = {name.casefold() for name in (*_QUOTED_TYPE.findall(term), *_BARE_TYPE.findall(term))}
    first, last = _day(params.get("mindate", "1000/01/01")), _day(params.get("maxdate", "3000/12/31"))
    by_entry = params.get("datetype") == "edat"
    return tuple(
        record
        for record in reversed(records)
        if first <= (record.edat if by_entry else record.mdat) <= last
        and (not types or types & {name.casefold() for name in record.types})
    )


def _found_labels(labels: tuple[dict[str, JsonValue], ...], search: str) -> tuple[dict[str, JsonValue], ...] | None:
    """The labels that a search finds; ``None`` for a search that the service cannot read."""
    if not search:
        return labels
    window, one = _RANGE.fullmatch(search), _TERM.fullmatch(search)
    if window:
        first, last = (text.replace("-", "") for text in window.groups())
        return tuple(label for label in labels if first <= str(label["effective_time"]) <= last)
    if one:
        return tuple(label for label in labels if label["set_id"] == one.group(1).casefold())
    return None


def _articles(records: tuple[PubMedRecord, ...]) -> _Page:
    inner = "".join(record.xml for record in records)
    return _xml(200, f"{_DOCTYPE}\n<PubmedArticleSet>\n{inner}</PubmedArticleSet>\n")


def _xml(status: int, body: str) -> _Page:
    text = f'<?xml version="1.0" encoding="UTF-8" ?>\n{body}'
    return status, "text/xml; charset=UTF-8", text.encode(), {}


def _json(status: int, body: dict[str, JsonValue]) -> _Page:
    return status, "application/json; charset=utf-8", json.dumps(body, ensure_ascii=False).encode(), {}


def _openfda_error(status: int, code: str, message: str) -> _Page:
    return _json(status, {"error": {"code": code, "message": message}})


def _number(params: _Params, name: str, default: int) -> int:
    value = params.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else default


def _place(after: str) -> int:
    """The position that our own ``search_after`` values carry."""
    return _number({"n": after.partition("=")[2]}, "n", 0)


def _day(text: str) -> date:
    year, month, day = (int(part) for part in text.split("/"))
    return date(year, month, day)


def _handler(world: LoopbackWorld) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            try:
                status, media_type, body, headers = world.answer(parts.path, params)
            except ValueError:
                status, media_type, body, headers = 400, "text/plain", b"bad request\n", {}
            self.send_response(status)
            for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep stderr for diagnostics."""

    return Handler
