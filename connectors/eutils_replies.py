"""What an E-utilities reply means, by its body as well as its status.

The service answers 200 with an error in the body, JSON with another JSON inside, and HTML where XML was asked for;
here each reply becomes a search result, an XML root, or one of ``connectors.errors``. Nothing here does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from connectors.errors import (
    AccessDeniedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceError,
    SourceUnreachableError,
)
from connectors.http_reply import Reply
from connectors.xml_reader import child_text, element_text, local_name, read_xml

_BUSY = re.compile(
    rb"rate limit|too many requests|backend failed|C\+\+ Exception|temporarily|unavailable|timed? ?out"
    rb"|cannot open file|internal error|server error|error occurred|WWW Error 5|under maintenance",
    re.IGNORECASE,
)
_KEY = re.compile(rb"api.?key", re.IGNORECASE)
_HISTORY = re.compile(rb"history|webenv|query_key|out of range", re.IGNORECASE)
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_BUSY_SEARCHED_BYTES = 4096


class HistoryLostError(SourceError):
    """The server-side result set is gone: the page must be asked for by ids."""


@dataclass(frozen=True)
class SearchResult:
    """How many records match, the ids that were listed, and the server-side set where one was made."""

    count: int
    ids: tuple[str, ...]
    web_env: str = ""
    query_key: str = ""


def is_busy(reply: Reply) -> bool:
    """Claim: the reply is an error that asks to come back later, whatever its status."""
    error = _error_text(reply.body)
    return error is not None and _BUSY.search(error) is not None


def read_search(source: str, reply: Reply) -> SearchResult:
    """The result of an esearch, in JSON or XML.

    Raises:
        SourceError: an error in the body, a dropped phrase or field, or no search result at all.
    """
    _raise_for_error(source, reply, "esearch")
    if _is_json(reply.body):
        return _search_from_json(source, reply.body)
    root = read_xml(source, reply.body, what="esearch")
    if local_name(root) != "eSearchResult":
        raise _drifted(source, "esearch", "expected eSearchResult, got another element")
    return _search_from_xml(source, root)


def read_articles(source: str, reply: Reply) -> etree._Element:
    """The root of an efetch reply.

    Raises:
        HistoryLostError: the server-side set is gone.
        SourceError: an error in the body, or something else than XML.
    """
    _raise_for_error(source, reply, "efetch")
    if _is_json(reply.body):
        raise _drifted(source, "efetch", "expected XML, got JSON")
    return read_xml(source, reply.body, what="efetch")


def _is_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _error_text(body: bytes) -> bytes | None:
    """What the body says is wrong; None where it reports no error."""
    if _HTML.match(body):
        return body[:_BUSY_SEARCHED_BYTES]
    if _is_json(body):
        found = _loads(body)
        inner = found.get("esearchresult") if found else None
        for holder in (found, inner):
            if isinstance(holder, dict):
                error = holder.get("error") or holder.get("ERROR")
                if error:
                    return str(error).encode(errors="replace")
        return None
    match = re.search(rb"<ERROR\b[^>]*>(.{0,4096}?)</ERROR>", body[:65536], re.S | re.I)
    return match.group(1) if match else None


def _raise_for_error(source: str, reply: Reply, what: str) -> None:
    error = _error_text(reply.body)
    if error is None:
        if not reply.body.strip():
            raise _drifted(source, what, "expected a body, got none")
        if reply.status >= 400:
            raise QueryRefusedError(source, f"{what}: expected status 200, got {reply.status}; check the query")
        return
    if _BUSY.search(error):
        raise SourceUnreachableError(source, f"{what}: expected records, got a server error; the next run asks again")
    if _HTML.match(reply.body):
        raise _drifted(source, what, "expected XML or JSON, got an HTML page")
    if _KEY.search(error):
        raise AccessDeniedError(source, f"{what}: expected the key to be accepted, got a refusal; check api_key")
    if _HISTORY.search(error) and what == "efetch":
        raise HistoryLostError(source, f"{what}: expected the stored result set, got none; the next run asks again")
    raise QueryRefusedError(source, f"{what}: expected records, got an ERROR in the body; check the query and base_url")


def _search_from_json(source: str, body: bytes) -> SearchResult:
    found = _loads(body)
    result = found.get("esearchresult") if found else None
    if not isinstance(result, dict):
        raise _drifted(source, "esearch", "expected esearchresult, got other JSON")
    count = _count(source, result.get("count"))
    dropped = [
        phrase
        for holder, keys in (
            ("errorlist", ("phrasesnotfound", "fieldsnotfound")),
            ("warninglist", ("phrasesignored", "quotedphrasesnotfound")),
        )
        for key in keys
        for phrase in _strings(_mapping(result.get(holder)).get(key))
    ]
    _raise_for_dropped(source, count, len(dropped))
    return SearchResult(
        count=count,
        ids=tuple(i for i in _strings(result.get("idlist")) if i.isascii() and i.isdigit()),
        web_env=str(result.get("webenv") or ""),
        query_key=str(result.get("querykey") or ""),
    )


def _search_from_xml(source: str, root: etree._Element) -> SearchResult:
    count = _count(source, child_text(root, "Count"))
    paths = ("ErrorList/PhraseNotFound", "ErrorList/FieldNotFound", "WarningList/QuotedPhraseNotFound")
    _raise_for_dropped(source, count, sum(len(root.findall(path)) for path in paths))
    ids = (element_text(element).strip() for element in root.iterfind("IdList/Id"))
    return SearchResult(
        count=count,
        ids=tuple(i for i in ids if i.isascii() and i.isdigit()),
        web_env=child_text(root, "WebEnv"),
        query_key=child_text(root, "QueryKey"),
    )


def _raise_for_dropped(source: str, count: int, dropped: int) -> None:
    """A dropped phrase with hits means that another question was answered; with none it is the empty reply."""
    if dropped and count:
        raise QueryRefusedError(
            source,
            f"esearch: expected the whole query to run, got {dropped} phrase(s) or field(s) dropped; "
            "an engineer must correct the query",
        )


def _count(source: str, value: object) -> int:
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise _drifted(source, "esearch", "expected a count, got none")
    return int(text)


def _loads(body: bytes) -> Mapping[str, object] | None:
    """The JSON object in ``body``; None where there is none."""
    try:
        found = json.loads(body.decode("utf-8-sig", errors="strict"), strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _drifted(source: str, what: str, detail: str) -> SourceDriftedError:
    return SourceDriftedError(source, f"{what}: {detail}; an engineer must look at it")
