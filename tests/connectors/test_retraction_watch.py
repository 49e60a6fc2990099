"""Retraction Watch: rows into notices, slices of the table, and the tables that are refused whole."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, date, datetime

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceDriftedError, SourceError
from connectors.http_client import PoliteClient
from connectors.notice import Assertion, AssertionKind, Delivery, Identifier, Notice, NoticeKind
from connectors.retraction_watch import RetractionWatchSource
from connectors.retraction_watch_rows import COLUMNS, records
from connectors.source import DateWindow
from tests.connectors.loopback import Answer, Loopback
from tests.connectors.made_works import row, table
from tests.connectors.offline import offline_client
from tests.connectors.recorded import recorded

WINDOW = DateWindow(date(2026, 11, 20), date(2026, 11, 20))
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def pulled(body: bytes, *, last_rows: int = 0, rows_per_document: int = 200) -> list[Delivery]:
    source = RetractionWatchSource(
        offline_client(lambda _: httpx.Response(200, content=body, headers={"Content-Type": "text/csv"}), max_bytes=10),
        url="https://source.example/table.csv",
        last_rows=last_rows,
        rows_per_document=rows_per_document,
        clock=lambda: NOW,
    )
    return list(source.pull(WINDOW))


def only(body: bytes) -> tuple[Notice, str]:
    (delivery,) = pulled(body)
    assert delivery.unreadable == ()
    (notice,) = delivery.notices
    return notice, delivery.document.text


def doi(value: str) -> Identifier:
    return Identifier("doi", value)


# --- rows --------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_notice() -> None:
    notice, text = only(table(row(7)))
    assert notice.key == "rw:7"
    assert notice.kind is NoticeKind.RETRACTION_NOTICE
    assert notice.identifiers == (doi("10.5555/notice.7"),)
    assert notice.assertions == (
        Assertion(
            AssertionKind.RETRACTS,
            by=(doi("10.5555/notice.7"),),
            target=(doi("10.5555/work.7"), Identifier("pmid", "90000001")),
            note="+Unreliable Results;+Paper Mill;",
        ),
    )
    assert notice.published is not None
    assert notice.published.value == "2026-08-16"
    assert text.startswith("Corvandine in heart failure 7\nJournal: Journal of Invented Medicine\nAuthor: Ada Example")
    said = {section.code: text[section.start : section.end] for section in notice.sections}
    assert said["title"] == "Corvandine in heart failure 7"
    assert said["RetractionNature"] == "Retraction"
    assert said["Reason"] == "+Unreliable Results;+Paper Mill;"


@pytest.mark.parametrize(
    ("nature", "claim", "kind"),
    [
        ("Retraction", AssertionKind.RETRACTS, NoticeKind.RETRACTION_NOTICE),
        ("Correction", AssertionKind.CORRECTS, NoticeKind.CORRECTION_NOTICE),
        ("Expression of concern", AssertionKind.DOUBTS, NoticeKind.CONCERN_NOTICE),
        ("Expression of Concern ", AssertionKind.DOUBTS, NoticeKind.CONCERN_NOTICE),
        ("Reinstatement", AssertionKind.REINSTATES, NoticeKind.CORRECTION_NOTICE),
    ],
)
def test_the_nature_of_a_row(nature: str, claim: AssertionKind, kind: NoticeKind) -> None:
    notice, _ = only(table(row(RetractionNature=nature)))
    assert (notice.kind, notice.assertions[0].kind) == (kind, claim)


@pytest.mark.parametrize("nothing", ["", "unavailable", "Unavailable", "None", "0"])
def test_ids_that_name_nothing(nothing: str) -> None:
    notice, _ = only(table(row(RetractionDOI=nothing, OriginalPaperPubMedID=nothing)))
    assert notice.identifiers == ()
    assert notice.assertions[0].by == ()
    assert notice.assertions[0].target == (doi("10.5555/work.1"),)
    bare, _ = only(table(row(RetractionDOI=nothing, OriginalPaperDOI=nothing, OriginalPaperPubMedID=nothing)))
    assert bare.assertions == ()


def test_lists_of_ids() -> None:
    cells = {"OriginalPaperDOI": "10.5555/a;b; 10.5555/C;", "OriginalPaperPubMedID": "12; 13;0"}
    notice, _ = only(table(row(**cells)))
    assert [one.value for one in notice.assertions[0].target] == ["10.5555/a;b", "10.5555/c", "12", "13"]


def test_a_paper_that_was_retracted_in_place() -> None:
    notice, _ = only(table(row(RetractionDOI="10.5555/WORK.1", RetractionPubMedID="90000001")))
    assert notice.identifiers == notice.assertions[0].by == notice.assertions[0].target


def test_a_notice_is_never_taken_for_its_paper_over_one_shared_id() -> None:
    notice, _ = only(table(row(RetractionPubMedID="90000001")))
    assert notice.identifiers == (doi("10.5555/notice.1"),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8/16/2023 0:00", "2023-08-16"),
        ("1/2/2003", "2003-01-02"),
        ("16/8/2023 0:00", "2023"),
        ("", None),
        ("2023", None),
    ],
)
def test_dates_are_american(written: str, value: str | None) -> None:
    notice, _ = only(table(row(RetractionDate=written)))
    assert (notice.published.value if notice.published else None) == value


# --- the table ---------------------------------------------------------------------------------------------


def test_slices_hold_the_bytes_of_their_rows_and_tile_the_table() -> None:
    body = table(*(row(n, Notes='line one\nline "two", end') for n in range(1, 8)))
    found = pulled(body, rows_per_document=3)
    assert [[n.key for n in d.notices] for d in found] == [
        ["rw:1", "rw:2", "rw:3"],
        ["rw:4", "rw:5", "rw:6"],
        ["rw:7"],
    ]
    head = body[: body.index(b"\n") + 1]
    assert all(d.document.raw.startswith(head) for d in found)
    assert head + b"".join(d.document.raw[len(head) :] for d in found) == body
    assert all(d.document.text[n.start : n.end].startswith(n.title) for d in found for n in d.notices)


def test_a_row_is_the_same_notice_wherever_it_stands() -> None:
    one = pulled(table(row(1), row(2)))[0].notices
    other = pulled(table(row(2), row(1), header=(*COLUMNS,)), rows_per_document=1)
    assert {(n.key, n.version) for n in one} == {(n.key, n.version) for d in other for n in d.notices}
    changed = pulled(table(row(1, Notes="now with a note")))[0].notices[0]
    assert changed.version != one[0].version


def test_columns_are_read_by_name_and_further_ones_passed_over() -> None:
    wide = table([*row(1), ""], [*row(2), "x"], row(3), header=(*COLUMNS, ""))
    turned = [cells[::-1] for cells in (row(1), row(2), row(3))]
    expected = {(n.key, n.version) for n in pulled(table(row(1), row(2), row(3)))[0].notices}
    for body in (wide, table(*turned, header=COLUMNS[::-1])):
        (delivery,) = pulled(body)
        assert {(n.key, n.version) for n in delivery.notices} == expected
        assert delivery.unreadable == ()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (["1"], "expected a row"),
        ([*row(2), "shifted"], "expected a row"),
        (["", *row(2)[1:]], "expected a row"),
        (["x2", *row(2)[1:]], "expected a row"),
        (row(2, RetractionNature="Oops"), "known RetractionNature"),
        (row(1), "expected once"),
    ],
)
def test_a_row_that_cannot_be_trusted_is_a_line(bad: list[str], said: str) -> None:
    (delivery,) = pulled(table(row(1), bad, row(3)))
    assert [n.key for n in delivery.notices] == ["rw:1", "rw:3"]
    assert len(delivery.unreadable) == 1
    assert said in delivery.unreadable[0]
    assert "Oops" not in delivery.unreadable[0]


def test_a_byte_order_mark_and_one_bad_byte() -> None:
    body = table(row(1, Title="Caf\xe9"), row(2, Title="Caf\xe9"), row(3))
    clean = pulled(body)[0].notices
    spoilt = body.replace("Caf\xe9 ".strip().encode(), b"Caf\xe9", 1)
    (delivery,) = pulled(b"\xef\xbb\xbf" + spoilt)
    assert [(n.key, n.version) for n in delivery.notices] == [(n.key, n.version) for n in clean]
    assert delivery.unreadable == ("expected UTF-8, got 1 row(s) that are not; read as cp1252",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        table(),
        table(row(1), header=("Record ID", "Title")),
        table(row(1), header=(*COLUMNS[:-1], "Remarks")),
        table(row(1), header=(*COLUMNS[:-1], "Title")),
    ],
)
def test_another_header_or_no_rows_is_refused_whole(body: bytes) -> None:
    with pytest.raises(SourceDriftedError, match="table: expected"):
        pulled(body)


def test_a_table_that_shrank_is_refused_whole() -> None:
    body = table(*(row(n) for n in range(1, 96)))
    assert sum(len(d.notices) for d in pulled(body, last_rows=100)) == 95
    with pytest.raises(SourceDriftedError, match="95% of 101 records, got 95"):
        pulled(body, last_rows=101)


def test_a_table_over_its_own_cap_is_refused() -> None:
    with Loopback(lambda _: Answer(table(row(1)))) as server:
        source = RetractionWatchSource(
            PoliteClient("x@y.example", attempts=1), url=server.url, allow_private=True, max_bytes=100
        )
        with pytest.raises(SourceDriftedError, match="at most 100 bytes"):
            list(source.pull(WINDOW))


PIECES = st.binary(max_size=6) | st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r", b"\x00", b"\xff", b'"\n,', b"9" * 200_000]
)
EDITS = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 30), PIECES), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS, cut=st.integers(0, 3_000) | st.none())
def test_whatever_bytes_come_rows_are_notices_lines_or_the_table_is_refused(
    edits: list[tuple[int, int, bytes]], cut: int | None
) -> None:
    body = table(*(row(n, Notes='a "quoted"\nnote') for n in range(1, 6)))
    for position, length, piece in edits:
        at = position % (len(body) + 1)
        body = body[:at] + piece + body[at + length :]
    body = body[:cut]
    found = list(records(body))
    assert all(one.start < one.end <= two.start for one, two in itertools.pairwise(found))
    try:
        deliveries = pulled(body, rows_per_document=2)
    except SourceError:
        return
    told = [notice.key for delivery in deliveries for notice in delivery.notices]
    assert len(told) == len(set(told))
    for delivery in deliveries:
        text = delivery.document.text
        for notice in delivery.notices:
            assert 0 <= notice.start <= notice.end <= len(text)
            assert all(notice.start <= s.start <= s.end <= notice.end for s in notice.sections)
            assert all(assertion.by or assertion.target for assertion in notice.assertions)
        assert all("\n" not in line and len(line) < 200 for line in delivery.unreadable)


# --- recorded ----------------------------------------------------------------------------------------------


def test_the_recorded_row_of_2023() -> None:
    notice, text = only(recorded("retraction_watch/egonw_rw_raw_header_and_row_2023.csv"))
    assert notice.key == "rw:50438"
    assert notice.published is not None
    assert notice.published.value == "2023-08-16"
    assert [i.value for i in notice.assertions[0].target] == ["10.1155/2021/6907871"]
    assert "RetractionNature: Retraction" in text


def test_the_recorded_rows_under_the_header_of_the_table() -> None:
    raw = recorded("retraction_watch/retraction_watch_600_rows.csv").decode()
    found = list(csv.DictReader(io.StringIO(raw)))
    by_name = {column.lower(): column for column in COLUMNS}
    made = [
        row(n, **{by_name[name]: str(value) for name, value in one.items() if name in by_name})
        for n, one in enumerate(found, start=1)
    ]
    deliveries = pulled(table(*made))
    notices = [notice for delivery in deliveries for notice in delivery.notices]
    assert len(notices) == 600
    assert not any(delivery.unreadable for delivery in deliveries)
    kinds = [notice.assertions[0].kind for notice in notices]
    assert [kinds.count(kind) for kind in (AssertionKind.RETRACTS, AssertionKind.DOUBTS, AssertionKind.CORRECTS)] == [
        558,
        29,
        10,
    ]
    assert kinds.count(AssertionKind.REINSTATES) == 3
    assert all(notice.published is not None for notice in notices)
