"""openFDA labels: records into notices, paging, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from connectors.document_text import DocumentText
from connectors.errors import (
    AccessDeniedError,
    AddressRefusedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceUnreachableError,
)
from connectors.http_client import PoliteClient
from connectors.notice import Delivery, Identifier, Notice, NoticeKind
from connectors.openfda import OpenFdaLabelSource, read_label_reply
from connectors.openfda_pages import next_link
from connectors.openfda_records import names_from_product_data, read_label_records
from connectors.source import DateWindow
from tests.connectors.loopback import Answer, Asked, Loopback
from tests.connectors.made_replies import label, label_reply, openfda_error
from tests.connectors.recorded import recorded

WINDOW = DateWindow(date(2026, 11, 1), date(2026, 11, 20))
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
SECOND = "2b3c0ce7-0000-4e04-9106-00000000000c"


def read(*records: object) -> tuple[tuple[Notice, ...], tuple[str, ...], DocumentText]:
    text = DocumentText()
    notices, unreadable = read_label_records("openfda", records, text)
    return notices, unreadable, text


def source(server: Loopback, *, api_key: str | None = None) -> OpenFdaLabelSource:
    client = PoliteClient("x@y.example", attempts=2, backoff_s=0.0)
    return OpenFdaLabelSource(
        client, base_url=server.url, api_key=api_key, allow_private=True, min_interval_s=0.0, clock=lambda: NOW
    )


def pulled(answer: Callable[[Asked], Answer]) -> list[Delivery]:
    with Loopback(answer) as server:
        return list(source(server).pull(WINDOW))


# --- records -----------------------------------------------------------------------------------------------


def test_a_label_becomes_a_notice() -> None:
    notices, unreadable, text = read(label(recent_major_changes=["Dosage and Administration (2.1) 11/2026"]))
    notice = notices[0]
    assert unreadable == ()
    assert notice.kind is NoticeKind.LABEL
    assert notice.key == "set_id:1a3c0ce7-0000-4e04-9106-00000000000a"
    assert notice.version.startswith("8-20261101-")
    assert notice.names == ("CORVANDINE", "SLEEPWELL")
    assert notice.published is not None
    assert notice.published.value == "2026-11-01"
    assert {("rxcui", "9000001"), ("unii", "ZZ00000001"), ("application_number", "NDA900001")} <= {
        (i.scheme, i.value) for i in notice.identifiers
    }
    assert Identifier("spl_id", "5a5b1155-0000-4f57-bd89-00000000000b") in notice.identifiers
    assert notice.recent_changes == ("Dosage and Administration (2.1) 11/2026",)
    assert [s.code for s in notice.sections] == [
        "recent_major_changes",
        "dosage_and_administration",
        "contraindications",
    ]
    section = notice.sections[1]
    assert section.title == "Dosage and Administration"
    assert text.text[section.start : section.end].startswith("2 DOSAGE AND ADMINISTRATION The recommended")
    assert text.text[notice.start :].startswith("CORVANDINE, SLEEPWELL\n\nRecent Major Changes\n")


def test_two_records_are_two_slices_of_one_text() -> None:
    notices, _, text = read(label(), label(SECOND))
    assert text.text[notices[0].end : notices[1].start] == "\n\n"
    assert notices[1].end == len(text.text)


def test_the_order_in_which_the_service_sends_fields_changes_nothing() -> None:
    record = label()
    turned = dict(reversed(record.items()))
    one, other = read(record), read(turned)
    assert one[0] == other[0]
    assert one[2].text == other[2].text


def test_content_that_changes_under_one_version_is_a_new_version() -> None:
    lost = label(openfda={})
    assert read(label())[0][0].version != read(lost)[0][0].version


@pytest.mark.parametrize(
    ("elements", "names"),
    [
        ("Tagrisso osimertinib OSIMERTINIB MANNITOL", ["osimertinib", "Tagrisso"]),
        ("Gefitinib Gefitinib GEFITINIB LACTOSE", ["Gefitinib"]),
        ("Corvandine", ["Corvandine"]),
        ("Sleep Well corvandine CORVANDINE STARCH", ["corvandine", "Sleep Well"]),
        ("", []),
    ],
)
def test_names_from_product_data(elements: str, names: list[str]) -> None:
    assert names_from_product_data(elements) == names


def test_a_label_without_openfda_block_takes_its_name_from_the_product_data() -> None:
    notices, _, _ = read(label(openfda={}, spl_product_data_elements=["Sleepwell corvandine CORVANDINE STARCH"]))
    assert notices[0].names == ("corvandine", "Sleepwell")


def test_a_table_counts_only_where_its_section_has_no_text() -> None:
    table = ["<table><tr><td>Women</td><td>5 mg</td></tr></table>"]
    notices, _, text = read(label(contraindications_table=table, overdosage_table=table))
    bodies = {s.code: text.text[s.start : s.end] for s in notices[0].sections}
    assert bodies["overdosage"] == "Women | 5 mg"
    assert bodies["contraindications"] == "4 CONTRAINDICATIONS None."


def test_records_that_cannot_be_used_are_lines() -> None:
    notices, unreadable, _ = read(label(), "text", {"openfda": {}}, label(""))
    assert [n.key for n in notices] == ["set_id:1a3c0ce7-0000-4e04-9106-00000000000a"]
    assert [line[:8] for line in unreadable] == ["record 2", "record 3", "record 4"]


def test_invisible_characters_and_lone_surrogates_are_taken_out() -> None:
    reply = json.dumps({"results": [label(contraindications=["N\u200bone\ud800. \u202eevoba\U000e0041"])]})
    records, _ = read_label_reply("openfda", reply.encode())
    notices, _, text = read(*records)
    text.text.encode()
    section = notices[0].sections[-1]
    assert text.text[section.start : section.end] == "None. evoba"
    assert {h.why for h in text.hidden} == {
        "zero-width characters",
        "lone surrogates",
        "bidirectional controls",
        "Unicode tag characters",
    }


# --- the source --------------------------------------------------------------------------------------------


def test_the_window_is_asked_for_as_the_service_wants_it() -> None:
    with Loopback(lambda asked: Answer(label_reply(label()))) as server:
        found = list(source(server, api_key="CANARY-KEY").pull(WINDOW))
        asked = server.asked[0]
    assert asked.path == "/drug/label.json"
    assert asked.query == {
        "search": "effective_time:[20261101 TO 20261120]",
        "sort": "effective_time:asc",
        "limit": "1000",
        "api_key": "CANARY-KEY",
    }
    assert len(server.asked) == 1
    assert "CANARY" not in found[0].document.origin


def test_next_links_are_followed_to_the_404_that_ends_them() -> None:
    with Loopback(lambda asked: answer(asked)) as server:

        def answer(asked: Asked) -> Answer:
            after = asked.query.get("search_after", "")
            link = f'<{server.url}/drug/label.json?skip=0&search_after=0%3D{len(after) + 1}>; rel="next"'
            if after == "0=1":
                return Answer(label_reply(label(SECOND), total=2), headers={"Link": link})
            if after:
                return Answer(openfda_error("NOT_FOUND"), status=404)
            return Answer(label_reply(label(), total=2), headers={"Link": link})

        found = list(source(server, api_key="K").pull(WINDOW))
        assert [a.query.get("search_after") for a in server.asked] == [None, "0=1", "0=4"]
        assert all(a.query["api_key"] == "K" for a in server.asked)
    assert [n.key[-1] for d in found for n in d.notices] == ["a", "c"]


def test_a_next_link_to_another_host_is_refused_after_its_page() -> None:
    link = '<http://127.0.0.1:9/drug/label.json?search_after=1>; rel="next"'
    with Loopback(lambda asked: Answer(label_reply(label()), headers={"Link": link})) as server:
        pulling = source(server, api_key="K").pull(WINDOW)
        assert len(next(pulling).notices) == 1
        with pytest.raises(AddressRefusedError):
            next(pulling)


def test_a_server_that_links_to_itself_ends() -> None:
    with Loopback(lambda asked: answer()) as server:

        def answer() -> Answer:
            return Answer(label_reply(label()), headers={"Link": f'<{server.url}/drug/label.json?a=1>; rel="next"'})

        found = list(source(server).pull(WINDOW))
    assert [len(d.notices) for d in found] == [1]


def test_the_same_window_twice_gives_equal_deliveries() -> None:
    with Loopback(lambda asked: Answer(label_reply(label(), label(SECOND)))) as server:
        one, two = (list(source(server).pull(WINDOW)) for _ in range(2))
    assert one == two
    assert len(one[0].notices) == 2


def test_no_match_is_empty() -> None:
    assert pulled(lambda asked: Answer(openfda_error("NOT_FOUND"), status=404)) == []


def test_a_reply_that_holds_fewer_than_it_states_says_so() -> None:
    found = pulled(lambda asked: Answer(label_reply(label(), total=4)))
    assert found[0].unreadable == ("expected 4 labels, got 1 and no next page; the next run asks again",)


@pytest.mark.parametrize(
    ("status", "body", "error", "requests"),
    [
        (400, openfda_error("BAD_REQUEST"), QueryRefusedError, 1),
        (403, openfda_error("API_KEY_INVALID"), AccessDeniedError, 1),
        (403, openfda_error("OVER_RATE_LIMIT"), SourceUnreachableError, 1),
        (404, b"<html>no such page</html>", QueryRefusedError, 1),
        (429, openfda_error("OVER_RATE_LIMIT"), SourceUnreachableError, 2),
        (500, openfda_error("SERVER_ERROR"), QueryRefusedError, 2),
        (500, b"<html>down</html>", SourceUnreachableError, 2),
        (502, b"", SourceUnreachableError, 2),
        (200, b"[]", SourceDriftedError, 1),
        (200, b'{"meta":{}}', SourceDriftedError, 1),
        (200, b"<html/>", SourceDriftedError, 1),
        (200, b"", SourceDriftedError, 1),
    ],
    ids=range(12),
)
def test_errors_of_the_service(status: int, body: bytes, error: type[Exception], requests: int) -> None:
    with Loopback(lambda asked: Answer(body, status=status)) as server:
        with pytest.raises(error) as caught:
            list(source(server).pull(WINDOW))
        assert len(server.asked) == requests
    assert "said by the service" not in str(caught.value)


def test_a_passing_500_is_asked_again() -> None:
    answers = [Answer(openfda_error("SERVER_ERROR"), status=500), Answer(label_reply(label()))]
    found = pulled(lambda asked: answers.pop(0))
    assert len(found[0].notices) == 1


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('<https://h/x?a=1>; rel="next"', "https://h/x?a=1"),
        ("<https://h/p>; rel=prev, <https://h/n>; rel=next", "https://h/n"),
        ('<https://h/p>; rel="prev"', ""),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_next_link(header: str, address: str) -> None:
    assert next_link(header) == address


# --- recorded ----------------------------------------------------------------------------------------------


def test_recorded_label() -> None:
    records, total = read_label_reply("openfda", recorded("openfda/biomcp_label_gefitinib_20261007.record1.json"))
    notices, unreadable, text = read(*records)
    assert (len(notices), total, unreadable) == (1, 4, ())
    assert notices[0].names == ("GEFITINIB",)
    assert Identifier("unii", "S65743JHBS") in notices[0].identifiers
    assert [s.code for s in notices[0].sections] == ["indications_and_usage", "drug_interactions"]
    section = notices[0].sections[1]
    assert text.text[section.start : section.end].startswith("7 DRUG INTERACTIONS CYP3A4 Inducer")


def test_recorded_reduced_labels() -> None:
    records, _ = read_label_reply("openfda", recorded("openfda/biomcp_label_keytruda_20260811.json"))
    notices, _, _ = read(*records)
    assert [n.names[1] for n in notices] == ["KEYTRUDA QLEX", "KEYTRUDA"]
    assert len({n.key for n in notices}) == 2


def test_recorded_not_found_is_empty() -> None:
    body = recorded("openfda/biomcp_device_510k_brca1_20260811.json")
    assert pulled(lambda asked: Answer(body, status=404)) == []
