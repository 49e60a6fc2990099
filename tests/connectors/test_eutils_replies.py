"""What an E-utilities reply means: tables of recorded and of written replies."""

from __future__ import annotations

import pytest

from connectors.errors import (
    AccessDeniedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceError,
    SourceUnreachableError,
)
from connectors.eutils_replies import HistoryLostError, is_busy, read_articles, read_search
from connectors.http_reply import Reply
from tests.connectors.made_replies import article, article_set, esearch
from tests.connectors.recorded import recorded

BUSY_JSON = b'{"error":"API rate limit exceeded","api-key":"10.0.0.1","count":"4","limit":"3"}'
CPP = b"<eSearchResult><ERROR>NCBI C++ Exception: Error: EUTILSAPP(x)</ERROR></eSearchResult>"
BACKEND = b"<eSearchResult><ERROR>Search Backend failed: Database is not supported: pubmed</ERROR></eSearchResult>"
HISTORY = b"<eFetchResult><ERROR>Cannot retrieve history data: OUT OF RANGE</ERROR></eFetchResult>"
DROPPED = (
    b"<eSearchResult><Count>5</Count><IdList/><ErrorList><PhraseNotFound>x</PhraseNotFound></ErrorList></eSearchResult>"
)


def reply(body: bytes, status: int = 200) -> Reply:
    return Reply(status=status, headers={}, body=body, url="https://source.example/")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (BUSY_JSON, SourceUnreachableError),
        (CPP, SourceUnreachableError),
        (BACKEND, SourceUnreachableError),
        (b"<html><head><title>WWW Error 500 Diagnostic</title></head></html>", SourceUnreachableError),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html><html><body>hello</body></html>', SourceDriftedError),
        (b'{"error":"API key invalid","api-key":"x","type":"api"}', AccessDeniedError),
        (b'{"esearchresult":{"ERROR":"Invalid db name specified: fleegle"}}', QueryRefusedError),
        (b"<eSearchResult><ERROR>Invalid db name specified</ERROR></eSearchResult>", QueryRefusedError),
        (DROPPED, QueryRefusedError),
        (b'{"esearchresult":{"count":"7","errorlist":{"fieldsnotfound":["pt"]}}}', QueryRefusedError),
        (b'{"esearchresult":{"count":"7","warninglist":{"quotedphrasesnotfound":["a"]}}}', QueryRefusedError),
        (b'{"esearchresult":{"count":"many"}}', SourceDriftedError),
        (b'{"esearchresult":[]}', SourceDriftedError),
        (b"{not json", SourceDriftedError),
        (b"", SourceDriftedError),
        (b"   ", SourceDriftedError),
        (b"plain words", SourceDriftedError),
        (b"<PubmedArticleSet/>", SourceDriftedError),
        (b"<eSearchResult><IdList/></eSearchResult>", SourceDriftedError),
        (b"[" * 100_000, SourceDriftedError),
    ],
    ids=range(20),
)
def test_searches_that_cannot_be_used(body: bytes, error: type[SourceError]) -> None:
    with pytest.raises(error) as caught:
        read_search("pubmed", reply(body))
    assert "\n" not in str(caught.value)
    assert "fleegle" not in str(caught.value)


def test_a_refusal_with_an_error_status_and_no_known_body() -> None:
    with pytest.raises(QueryRefusedError, match="got 400"):
        read_search("pubmed", reply(b'{"esearchresult":{"count":"1"}}', status=400))


def test_json_and_xml_searches_mean_the_same() -> None:
    by_json = read_search("pubmed", reply(esearch(["90000001", "90000002"])))
    xml = (
        b"<eSearchResult><Count>2</Count><QueryKey>1</QueryKey><WebEnv>MCID_invented</WebEnv>"
        b"<IdList><Id>90000001</Id><Id>90000002</Id></IdList></eSearchResult>"
    )
    assert by_json == read_search("pubmed", reply(xml))
    assert by_json.ids == ("90000001", "90000002")
    assert (by_json.query_key, by_json.web_env) == ("1", "MCID_invented")


def test_nothing_found_is_empty_and_not_an_error() -> None:
    body = (
        b"<eSearchResult><Count>0</Count><IdList/><ErrorList><PhraseNotFound>x</PhraseNotFound></ErrorList>"
        b"<WarningList><OutputMessage>No items found.</OutputMessage></WarningList></eSearchResult>"
    )
    assert read_search("pubmed", reply(body)).count == 0


@pytest.mark.parametrize(
    ("body", "busy"),
    [(BUSY_JSON, True), (CPP, True), (BACKEND, True), (HISTORY, False), (esearch(["1"]), False), (b"", False)],
    ids=range(6),
)
def test_what_asks_to_come_back_later(body: bytes, busy: bool) -> None:
    assert is_busy(reply(body)) is busy


def test_an_article_that_speaks_of_rate_limits_is_no_error() -> None:
    body = article_set(article("90000001", title="Temporarily unavailable: a rate limit &lt;ERROR&gt; study"))
    assert not is_busy(reply(body))
    assert len(read_articles("pubmed", reply(body))) == 1


def test_a_lost_result_set_is_told_apart() -> None:
    with pytest.raises(HistoryLostError):
        read_articles("pubmed", reply(HISTORY, status=400))


def test_json_for_articles_has_drifted() -> None:
    with pytest.raises(SourceDriftedError):
        read_articles("pubmed", reply(b'{"result":{}}'))


# --- recorded ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("biomcp_esearch_json_1.json", QueryRefusedError),
        ("biomcp_esearch_json_2.json", SourceUnreachableError),
        ("klortho_esearch.baderror.xml", QueryRefusedError),
        ("klortho_esearch.error.xml", QueryRefusedError),
        ("biopython_pubmed3.html", SourceDriftedError),
        ("issue_esummary_cpp_exception.xml", SourceUnreachableError),
        ("biopython_esummary8.xml", QueryRefusedError),
    ],
)
def test_recorded_errors(name: str, error: type[SourceError]) -> None:
    with pytest.raises(error):
        read_search("pubmed", reply(recorded(f"pubmed/{name}")))


@pytest.mark.parametrize(
    ("name", "count", "listed"), [("biopython_esearch1.xml", 63, 20), ("biopython_esearch8.xml", 0, 0)]
)
def test_recorded_searches(name: str, count: int, listed: int) -> None:
    found = read_search("pubmed", reply(recorded(f"pubmed/{name}")))
    assert (found.count, len(found.ids), found.web_env) == (count, listed, "")
