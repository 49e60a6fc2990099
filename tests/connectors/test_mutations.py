"""Whatever bytes arrive: a notice with sound offsets, a line, or one of our errors; never anything else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.dropfolder import DropFolderSource
from connectors.errors import SourceError
from connectors.notice import Delivery
from connectors.openfda import OpenFdaLabelSource
from connectors.pubmed import PubMedSource
from connectors.source import DateWindow
from tests.connectors.made_replies import article, article_set, esearch, label, label_reply, link
from tests.connectors.offline import PUBLIC, offline_client
from tests.connectors.test_dropfolder import LABEL
from tests.connectors.test_spl import SET_ID, SPL

WINDOW = DateWindow(date(2026, 11, 1), date(2026, 11, 20))
NOW = datetime(2026, 11, 20, tzinfo=UTC)
FETCH = article_set(
    article("90000001", links=link("RetractionIn", pmid="90000002"), doi="10.5555/x"),
    article("90000002", links=link("RetractionOf", pmid="90000001")),
)
SEARCH = esearch(["90000001", "90000002"])
LABELS = label_reply(label(recent_major_changes=["Dosage (2.1) 11/2026"]), label("2b3c", openfda={}))
HTML = b"<title>T</title><style>.x{color:#fff}</style><h1>2 Dosage</h1><p class=x>no</p><p>5 mg<br>x</p>"
FILES = {
    "x.txt": LABEL.encode(),
    "x.md": b"# A\n\n<!-- c -->\n## B\n<b style='display:none'>h</b> text\n",
    "x.html": HTML,
    "x.json": LABELS,
    "x.xml": SPL.format(code="34391-3", set_id=SET_ID).encode(),
    "y.xml": FETCH,
}
Edit = tuple[int, int, bytes]
TOKENS = (
    b"<!DOCTYPE x [",
    b"<!ENTITY a 'b'>",
    b"&a;",
    b"&#0;",
    b"&#xD800;",
    b"\\ud800",
    b"\x00",
    b"\xed\xa0\x80",
    "\u200b\U000e0041".encode(),
    b"]]>",
    b"<![CDATA[",
    b"<PMID>",
    b"</PMID>",
    b'"',
    b"{",
    b"[",
    b"null",
    b"-1e999",
    b"9" * 5_000,
    b"\n# ",
    b"<!--",
)
PIECES = st.binary(max_size=8) | st.sampled_from(TOKENS)
EDITS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40), PIECES), min_size=1, max_size=6)
SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def mutated(body: bytes, edits: list[Edit]) -> bytes:
    """``body`` with pieces cut out and others put in their place."""
    for position, length, piece in edits:
        at = position % (len(body) + 1)
        body = body[:at] + piece + body[at + length :]
    return body


def check(delivery: Delivery) -> None:
    """Offsets are inside, names are clean, and everything can be stored."""
    text = delivery.document.text
    text.encode()
    assert delivery.document.text_sha256
    for notice in delivery.notices:
        assert 0 <= notice.start <= notice.end <= len(text)
        assert notice.key
        assert notice.version
        "".join((notice.key, notice.version, notice.title, *notice.names, *notice.recent_changes)).encode()
        for section in notice.sections:
            assert notice.start <= section.start <= section.end <= notice.end
            body = text[section.start : section.end]
            assert body == body.strip()
    assert all("\n" not in line for line in delivery.unreadable)


def pubmed(search: bytes, fetch: bytes) -> Callable[[], list[Delivery]]:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=search if "esearch" in request.url.path else fetch)

    client = offline_client(answer, addresses={"eutils.ncbi.nlm.nih.gov": [PUBLIC]}, attempts=1)
    return lambda: list(PubMedSource(client, clock=lambda: NOW).pull(WINDOW))


def openfda(body: bytes) -> Callable[[], list[Delivery]]:
    client = offline_client(
        lambda request: httpx.Response(200, content=body), addresses={"api.fda.gov": [PUBLIC]}, attempts=1
    )
    return lambda: list(OpenFdaLabelSource(client, clock=lambda: NOW).pull(WINDOW))


def run(pull: Callable[[], list[Delivery]]) -> None:
    with contextlib.suppress(SourceError):
        for delivery in pull():
            check(delivery)


def test_the_replies_before_mutation_are_good() -> None:
    assert sum(len(d.notices) for d in pubmed(SEARCH, FETCH)()) == 2
    assert sum(len(d.notices) for d in openfda(LABELS)()) == 2


@SLOW
@given(EDITS)
def test_any_pubmed_articles(edits: list[Edit]) -> None:
    run(pubmed(SEARCH, mutated(FETCH, edits)))


@SLOW
@given(EDITS)
def test_any_pubmed_search(edits: list[Edit]) -> None:
    run(pubmed(mutated(SEARCH, edits), FETCH))


@SLOW
@given(EDITS)
def test_any_openfda_reply(edits: list[Edit]) -> None:
    run(openfda(mutated(LABELS, edits)))


@SLOW
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["set_id", "openfda", "brand_name", "version", "id", "results", "x", "x_table"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_for_a_label(record: object) -> None:
    base = {**label(), **record} if isinstance(record, dict) else record
    run(openfda(json.dumps({"results": [base]}).encode()))


@pytest.mark.parametrize("name", FILES)
@SLOW
@given(edits=EDITS)
def test_any_file(tmp_path: Path, name: str, edits: list[Edit]) -> None:
    (tmp_path / name).write_bytes(mutated(FILES[name], edits))
    for delivery in DropFolderSource(tmp_path, clock=lambda: NOW).pull(WINDOW):
        check(delivery)


@SLOW
@given(st.text(max_size=300))
def test_any_text_in_every_kind_of_prose(tmp_path: Path, text: str) -> None:
    for suffix in ("txt", "md", "html"):
        (tmp_path / f"x.{suffix}").write_bytes(text.encode("utf-8", errors="surrogatepass"))
    for delivery in DropFolderSource(tmp_path, clock=lambda: NOW).pull(WINDOW):
        check(delivery)
