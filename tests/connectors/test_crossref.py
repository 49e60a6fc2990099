"""Crossref: works into notices, the dance with a cursor that the server holds, what each reply means."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from connectors.crossref import UPDATE_TYPES, CrossrefSource
from connectors.crossref_records import plain, read_works
from connectors.crossref_replies import CursorLostError, interval_s, read_list, read_work
from connectors.document_text import DocumentText
from connectors.errors import (
    AccessDeniedError,
    AddressRefusedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceError,
    SourceUnreachableError,
)
from connectors.http_client import PoliteClient
from connectors.http_reply import Reply
from connectors.notice import Assertion, AssertionKind, Delivery, Identifier, Notice, NoticeKind
from connectors.source import DateWindow
from tests.connectors.loopback import Answer, Asked, Loopback
from tests.connectors.made_works import NOTICE, WORK, Scroll, answer, failed, update, work, work_list
from tests.connectors.recorded import recorded

WINDOW = DateWindow(date(2026, 11, 13), date(2026, 11, 20))
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def doi(value: str) -> Identifier:
    return Identifier("doi", value)


def read_one(item: object) -> tuple[Notice, str]:
    text = DocumentText()
    notices, unreadable = read_works("crossref", [item], text)
    assert unreadable == ()
    return notices[0], text.text


def source(server: Loopback, *, rows: int = 2, types: tuple[str, ...] = ("retraction",)) -> CrossrefSource:
    client = PoliteClient("x@y.example", attempts=2, backoff_s=0.0)
    return CrossrefSource(
        client,
        base_url=f"{server.url}/v1",
        email="x@y.example",
        allow_private=True,
        rows=rows,
        min_interval_s=0.0,
        clock=lambda: NOW,
        update_types=types,
    )


def pulled(
    said: Callable[[Asked], Answer], *, rows: int = 2, types: tuple[str, ...] = ("retraction",)
) -> list[Delivery]:
    with Loopback(said) as server:
        return list(source(server, rows=rows, types=types).pull(WINDOW))


def keys(deliveries: list[Delivery]) -> list[str]:
    return [notice.key for delivery in deliveries for notice in delivery.notices]


# --- works -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "claim", "notice_kind"),
    [
        ("retraction", AssertionKind.RETRACTS, NoticeKind.RETRACTION_NOTICE),
        ("withdrawal", AssertionKind.RETRACTS, NoticeKind.RETRACTION_NOTICE),
        ("removal", AssertionKind.RETRACTS, NoticeKind.RETRACTION_NOTICE),
        ("partial_retraction", AssertionKind.PARTLY_RETRACTS, NoticeKind.RETRACTION_NOTICE),
        ("expression_of_concern", AssertionKind.DOUBTS, NoticeKind.CONCERN_NOTICE),
        ("Expression of Concern", AssertionKind.DOUBTS, NoticeKind.CONCERN_NOTICE),
        ("erratum", AssertionKind.CORRECTS, NoticeKind.CORRECTION_NOTICE),
        ("corrigendum", AssertionKind.CORRECTS, NoticeKind.CORRECTION_NOTICE),
        ("new_version", AssertionKind.SUPERSEDES, NoticeKind.ARTICLE),
        ("reinstatement", AssertionKind.REINSTATES, NoticeKind.CORRECTION_NOTICE),
    ],
)
def test_an_update_becomes_an_assertion(kind: str, claim: AssertionKind, notice_kind: NoticeKind) -> None:
    notice, _ = read_one(work(update_to=[update(WORK.upper(), kind)]))
    assert notice.kind is notice_kind
    assert notice.assertions == (Assertion(claim, by=(doi(NOTICE),), target=(doi(WORK),), note="publisher"),)


def test_a_notice_says_what_it_updates() -> None:
    notice, text = read_one(
        work(NOTICE.upper(), update_to=[update(WORK)], abstract="<jats:p>It <jats:bold>was</jats:bold> wrong.</jats:p>")
    )
    assert notice.key == f"doi:{NOTICE}"
    assert notice.identifiers == (doi(NOTICE),)
    assert notice.published is not None
    assert notice.published.value == "2026-11-04"
    assert text == (
        "Retraction: Corvandine halves mortality\nJournal: Journal of Invented Medicine\n"
        f"Update to: Retraction {WORK}\nAbstract: It was wrong."
    )
    said = {section.code: text[section.start : section.end] for section in notice.sections}
    assert said["update_to"] == f"Retraction {WORK}"
    assert said["abstract"] == "It was wrong."


def test_what_updated_a_work_stands_on_the_work() -> None:
    twice = [update(NOTICE, by="retraction-watch", record="4036"), update(NOTICE), update(NOTICE, "correction")]
    notice, _ = read_one(work(WORK, updated_by=twice))
    assert notice.kind is NoticeKind.ARTICLE
    assert [(a.kind, a.by, a.target) for a in notice.assertions] == [
        (AssertionKind.CORRECTS, (doi(NOTICE),), (doi(WORK),)),
        (AssertionKind.RETRACTS, (doi(NOTICE),), (doi(WORK),)),
    ]
    turned, _ = read_one(work(WORK, updated_by=twice[::-1]))
    assert turned == notice


def test_a_work_that_updates_itself_is_no_notice_unless_it_was_taken_back_in_place() -> None:
    assert read_one(work(WORK, update_to=[update(WORK, "new_version")]))[0].assertions == ()
    assert read_one(work(WORK, update_to=[update(WORK, "correction")]))[0].assertions == ()
    notice, _ = read_one(work(WORK, update_to=[update(WORK)], updated_by=[update(WORK)]))
    assert notice.kind is NoticeKind.ARTICLE
    assert [(a.kind, a.by, a.target) for a in notice.assertions] == [
        (AssertionKind.RETRACTS, (doi(WORK),), (doi(WORK),))
    ]


def test_being_indexed_or_cited_again_is_no_new_version() -> None:
    one, again = work(update_to=[update(WORK)]), work(update_to=[update(WORK)], indexed={"timestamp": 3}, score=1.0)
    assert read_one(one)[0].version == read_one(again)[0].version
    assert read_one(one)[0].version != read_one(work(update_to=[update(WORK, "erratum")]))[0].version


@pytest.mark.parametrize("absent", ["title", "container-title", "issued"])
@pytest.mark.parametrize("value", [None, [], [None], {}, "", 3, {"date-parts": [[None]]}, {"date-parts": [[2026]]}])
def test_what_is_missing_is_tolerated(absent: str, value: object) -> None:
    notice, text = read_one({**work(), absent: value})
    assert notice.title
    assert 0 <= notice.start <= notice.end == len(text)


def test_a_work_without_a_doi_is_a_line() -> None:
    notices, unreadable = read_works("crossref", [work(), {"title": ["x"]}, None, "x"], DocumentText())
    assert len(notices) == 1
    assert len(unreadable) == 3


@pytest.mark.parametrize(
    ("marked_up", "line"),
    [
        ("Effect of CO<sub>2</sub> on <i>E. coli</i> &amp; more", "Effect of CO2 on E. coli & more"),
        ("p &lt; 0.05, 3 > 2 and a <0.1 but >0", "p < 0.05, 3 > 2 and a <0.1 but >0"),
        ("<jats:title>Aim</jats:title><jats:p>Text.</jats:p>", "Aim Text."),
        ('<mml:math xmlns:mml="x"><mml:mi>x</mml:mi></mml:math>', "x"),
    ],
)
def test_titles_lose_their_tags(marked_up: str, line: str) -> None:
    assert plain(marked_up) == line


# --- the cursor --------------------------------------------------------------------------------------------


def works(count: int) -> list[dict[str, object]]:
    return [work(f"{NOTICE}.{n}", update_to=[update(f"{WORK}.{n}")]) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_every_page_is_read_though_the_cursor_never_changes(count: int) -> None:
    assert keys(pulled(Scroll({"retraction": works(count)}))) == [f"doi:{NOTICE}.{n}" for n in range(count)]


LATER = Answer(status=503)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ({2: failed("cursor-invalid", 404)}, "the cursor is lost"),
        ({2: LATER}, "a reply is lost, its page skipped"),
        ({2: LATER, 3: LATER}, "the service is gone for a while"),
        ({2: failed("cursor-invalid", 404), 5: LATER}, "twice"),
    ],
)
def test_a_lost_page_starts_the_window_again(trouble: dict[int, Answer], why: str) -> None:
    found = pulled(Scroll({"retraction": works(7)}, trouble=trouble))
    assert sorted(keys(found)) == [f"doi:{NOTICE}.{n}" for n in range(7)], why


def test_a_cursor_that_is_always_lost_ends() -> None:
    def said(asked: Asked) -> Answer:
        return work_list(works(2), total=9) if asked.query["cursor"] == "*" else failed("cursor-invalid", 404)

    with pytest.raises(SourceDriftedError, match="lost cursor"):
        pulled(said)


def test_the_same_full_page_for_ever_ends() -> None:
    with pytest.raises(SourceDriftedError, match="seen before"):
        pulled(lambda _: work_list(works(2), total=9))


def test_fewer_works_than_were_counted_leave_the_window_open() -> None:
    with pytest.raises(SourceDriftedError, match="expected 9 works, got 1"):
        pulled(lambda _: work_list(works(1), total=9))


def test_one_question_a_type_within_the_window() -> None:
    with Loopback(Scroll({"retraction": works(1), "erratum": works(2)})) as server:
        found = list(source(server, types=UPDATE_TYPES).pull(WINDOW))
        asked = [one.query["filter"] for one in server.asked if one.query["cursor"] == "*"]
        assert {one.path for one in server.asked} == {"/v1/works"}
        assert {one.query["mailto"] for one in server.asked} == {"x@y.example"}
    assert asked == [
        f"update-type:{kind},from-index-date:2026-11-13,until-index-date:2026-11-20" for kind in UPDATE_TYPES
    ]
    assert keys(found) == [f"doi:{NOTICE}.0", f"doi:{NOTICE}.1"], "a work of two types is told once"
    assert all("mailto" not in delivery.document.origin for delivery in found)


# --- replies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (failed("filter-not-available", 400), QueryRefusedError),
        (Answer(b"Resource not found.", 404, {"Content-Type": "text/plain"}), QueryRefusedError),
        (Answer(b"<html>busy</html>", 200, {"Content-Type": "text/html"}), SourceUnreachableError),
        (Answer(b"<html>bad gateway</html>", 502), SourceUnreachableError),
        (Answer(status=403), AccessDeniedError),
        (Answer(status=301, headers={"Location": "http://elsewhere.example/works"}), AddressRefusedError),
        (Answer(b"not json"), SourceDriftedError),
        (answer({"status": "ok", "message-type": "work-list", "message": {"items": []}}), SourceDriftedError),
        (answer({"status": "ok", "message-type": "member-list", "message": {}}), SourceDriftedError),
    ],
)
def test_what_a_reply_means(said: Answer, error: type[SourceError]) -> None:
    with pytest.raises(error) as raised:
        pulled(lambda _: said)
    assert "SECRET" not in str(raised.value)
    assert str(raised.value).startswith("source crossref: ")


@pytest.mark.parametrize(
    ("limit", "interval", "seconds"),
    [
        ("5", "1s", 0.2),
        ("1", "1s", 1.0),
        ("50", "1s", 0.1),
        ("1", "5m", 60.0),
        ("0", "1s", 7.0),
        ("x", "1s", 7.0),
        ("5", "", 7.0),
    ],
)
def test_the_headers_set_the_pace(limit: str, interval: str, seconds: float) -> None:
    assert interval_s({"x-rate-limit-limit": limit, "x-rate-limit-interval": interval}, 7.0) == pytest.approx(seconds)


def test_a_watch_list_is_fetched_by_doi() -> None:
    odd = "10.1002/(sici)1<2::aid-x>3.0.co;2-4"

    def said(asked: Asked) -> Answer:
        if "unknown" in asked.path:
            return Answer(b"Resource not found.", 404, {"Content-Type": "text/plain"})
        return answer({"status": "ok", "message-type": "work", "message": work(odd, updated_by=[update(NOTICE)])})

    with Loopback(said) as server:
        found = list(source(server).fetch([odd.upper(), odd, "10.5555/unknown", "no doi"]))
        assert [one.path for one in server.asked][1] == "/v1/works/10.5555/unknown"
        assert len(server.asked) == 2
    assert keys(found) == [f"doi:{odd}"]
    assert found[1].unreadable[0].startswith("DOI 10.5555/unknown: ")


# --- recorded ----------------------------------------------------------------------------------------------


def exchange(name: str, number: int = 0) -> Reply:
    yaml = pytest.importorskip("yaml", reason="the recordings are YAML")
    said = yaml.safe_load(recorded(f"crossref/{name}"))["interactions"][number]["response"]
    headers = {key.lower(): values[0] for key, values in said["headers"].items()}
    body = said["body"]["string"]
    return Reply(
        said["status"]["code"], headers, body if isinstance(body, bytes) else body.encode(), "https://x.example/"
    )


def test_the_recorded_refusals() -> None:
    with pytest.raises(CursorLostError):
        read_list("crossref", exchange("habanero_cursor_invalid_404.yaml"), rows=20)
    with pytest.raises(QueryRefusedError, match="filter-not-available"):
        read_list("crossref", exchange("habanero_validation_400.yaml"), rows=20)
    assert read_work("crossref", exchange("habanero_doi_not_found_404.yaml")) is None
    assert interval_s(exchange("habanero_validation_400.yaml").headers, 1.0) == pytest.approx(0.2)


def test_the_recorded_work_was_corrected_and_retracted() -> None:
    message = json.loads(recorded("crossref/recorded_wakefield_work.json"))["message"]
    notice, text = read_one(message)
    assert notice.kind is NoticeKind.ARTICLE
    assert [(a.kind.value, a.by[0].value, a.note) for a in notice.assertions] == [
        ("corrects", "10.1016/s0140-6736(04)15715-2", "retraction-watch 17269"),
        ("retracts", "10.1016/s0140-6736(10)60175-4", "retraction-watch 4036"),
    ]
    assert notice.published is not None
    assert notice.published.value == "1998-02"
    assert "Updated by: Correction 10.1016/s0140-6736(04)15715-2; Retraction 10.1016/" in text


def test_the_recorded_pages_are_read() -> None:
    page = read_list("crossref", Reply(200, {}, recorded("crossref/habanero_cursor_page1.body.json"), ""), rows=20)
    notices, unreadable = read_works("crossref", page.items, DocumentText())
    assert unreadable == ()
    assert len({notice.key for notice in notices}) == len(page.items) > 0
    assert page.next_cursor
