"""Whatever bytes arrive from the recalls and from DailyMed: sound notices, a line, or one of our errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import httpx
from hypothesis import given
from hypothesis import strategies as st

from connectors.dailymed import DailyMedSource
from connectors.notice import Delivery
from connectors.openfda_enforcement import OpenFdaEnforcementSource
from connectors.source import DateWindow
from tests.connectors.made_replies import label_reply, recall, spl_list, spl_row
from tests.connectors.offline import PUBLIC, offline_client
from tests.connectors.test_dailymed import set_id, spl
from tests.connectors.test_mutations import EDITS, SLOW, Edit, mutated, run

WINDOW = DateWindow(date(2026, 11, 1), date(2026, 11, 20))
NOW = datetime(2026, 11, 20, tzinfo=UTC)
RECALLS = label_reply(recall(), recall("", openfda={}, termination_date="20261119"))
LIST = spl_list(spl_row(set_id(1)), spl_row(set_id(2), "21", "Nov 19, 2026, 20:39:50"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("recall_number", "event_id", "product_description", "openfda", "product_ndc", "status"),
                    *("setid", "spl_version", "published_date", "total_elements", "current_page", "x"),
                ]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


def recalls(body: bytes) -> Callable[[], list[Delivery]]:
    client = offline_client(
        lambda request: httpx.Response(200, content=body), addresses={"api.fda.gov": [PUBLIC]}, attempts=1
    )
    return lambda: list(OpenFdaEnforcementSource(client, clock=lambda: NOW).pull(WINDOW))


def labels(listed: bytes, label: bytes = b"") -> Callable[[], list[Delivery]]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/spls.json"):
            return httpx.Response(200, content=listed)
        number = int(request.url.path.removesuffix(".xml")[-12:], 16)
        return httpx.Response(200, content=label or spl(number))

    client = offline_client(answer, addresses={"dailymed.nlm.nih.gov": [PUBLIC]}, attempts=1)
    return lambda: list(DailyMedSource(client, clock=lambda: NOW).pull(WINDOW))


def test_the_replies_before_mutation_are_good() -> None:
    assert sum(len(d.notices) for d in recalls(RECALLS)()) == 2
    assert sum(len(d.notices) for d in labels(LIST)()) == 2


@SLOW
@given(EDITS)
def test_any_enforcement_reply(edits: list[Edit]) -> None:
    run(recalls(mutated(RECALLS, edits)))


@SLOW
@given(JSON)
def test_any_json_for_a_recall(record: object) -> None:
    base = {**recall(), **record} if isinstance(record, dict) else record
    run(recalls(json.dumps({"results": [base]}).encode()))


@SLOW
@given(EDITS)
def test_any_list_of_labels(edits: list[Edit]) -> None:
    run(labels(mutated(LIST, edits)))


@SLOW
@given(JSON, JSON)
def test_any_json_for_a_row_and_the_metadata(row: object, stated: object) -> None:
    base = {**spl_row(set_id(3)), **row} if isinstance(row, dict) else row
    metadata = stated if isinstance(stated, dict) else {"db_published_date": stated}
    run(labels(spl_list(spl_row(set_id(1)), base, **metadata)))


@SLOW
@given(EDITS)
def test_any_label(edits: list[Edit]) -> None:
    run(labels(LIST, mutated(spl(1), edits)))
