"""Nights on recorded replies of the real services, served by a stranger's plain server: what asserts is on record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from tests.connectors.loopback import Answer, Asked, Loopback
from tests.connectors.recorded import recorded
from tests.end_to_end.prepared import SECOND_NIGHT, THIRD_NIGHT, Prepared
from tests.end_to_end.shell import Shell

pytestmark = pytest.mark.slow

SAMPLE = "pubmed/fatcat_pubmedsample_2019.xml"
LABEL = "openfda/biomcp_label_gefitinib_20261007.record1.json"
GROWING = ("notices", "notice_identifiers", "assertions", "documents", "changes", "candidates")


def record_ids(fetched: bytes) -> list[str]:
    """PMIDs of the records in an efetch reply, by a reader that shares nothing with the product's."""
    root = etree.fromstring(fetched)
    return [str(pmid.text) for pmid in root.iter("PMID") if pmid.getparent().tag == "MedlineCitation"]  # type: ignore[union-attr]


def search_reply(ids: list[str]) -> bytes:
    """An esearch reply in JSON that finds these records and keeps them as a result set."""
    found = {"count": str(len(ids)), "retmax": "20", "retstart": "0", "querykey": "1", "webenv": "MCID_1"}
    return json.dumps({"header": {"type": "esearch"}, "esearchresult": {**found, "idlist": ids[:20]}}).encode()


def plain_server(search: bytes, fetched: Callable[[Asked], bytes], label: bytes) -> Loopback:
    """A server that looks at the path alone: the same body for every call."""

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/esearch.fcgi"):
            return Answer(search)
        if asked.path.endswith("/efetch.fcgi"):
            return Answer(fetched(asked), headers={"Content-Type": "text/xml"})
        return Answer(label) if asked.path.endswith("/drug/label.json") else Answer(b"no such page", status=404)

    return Loopback(answer)


def slices(fetched: bytes) -> Callable[[Asked], bytes]:
    """Fetch as the real service does: the records from ``retstart`` on, at most ``retmax``."""

    def fetch(asked: Asked) -> bytes:
        root = etree.fromstring(fetched)
        first, most = int(asked.query["retstart"]), int(asked.query["retmax"])
        for number, record in enumerate(root.findall("PubmedArticle")):
            if not first <= number < first + most:
                root.remove(record)
        return etree.tostring(root)

    return fetch


@pytest.fixture
def site(prepared: Prepared, tmp_path: Path) -> Shell:
    """A site of one night without a network."""
    return prepared.copy(prepared.baseline, tmp_path / "site")


def pull(site: Shell, world: Loopback, now: str) -> dict[str, object]:
    """Run a night on a server of this machine."""
    site.configure("sources.pubmed", base_url=f"{world.url}/entrez/eutils", allow_private=True, enabled=True)
    site.configure("sources.openfda", base_url=world.url, allow_private=True, enabled=True)
    return site.night(now).json


def assertions_in(fetched: bytes) -> set[tuple[str, str, str]]:
    """Who retracts whom, as the XML says it: (PMID that tells, PMID that retracts, PMID that is retracted)."""
    found = set()
    for citation in etree.fromstring(fetched).iter("MedlineCitation"):
        own = str(citation.findtext("PMID"))
        for link in citation.iter("CommentsCorrections"):
            other = str(link.findtext("PMID"))
            if link.get("RefType") == "RetractionIn":
                found.add((own, other, own))
            if link.get("RefType") == "RetractionOf":
                found.add((own, own, other))
    return found


def retractions_on_record(site: Shell) -> set[tuple[str, str, str]]:
    """The same, as the ledger has it."""
    rows = site.rows(
        "SELECT n.key, a.by_identifiers, a.target_identifiers FROM assertions a JOIN notices n USING (notice_id) "
        "WHERE a.kind = 'retracts'"
    )
    told = [(str(key), dict(json.loads(str(by))), dict(json.loads(str(target)))) for key, by, target in rows]
    return {(key.removeprefix("pmid:"), by["pmid"], target["pmid"]) for key, by, target in told}


@pytest.mark.parametrize("kind", ["json", "xml", "slices"])
def test_every_retraction_of_the_sample_is_on_record_once(site: Shell, kind: str) -> None:
    fetched, label = recorded(SAMPLE), recorded(LABEL)
    search = recorded("pubmed/biopython_esearch1.xml") if kind == "xml" else search_reply(record_ids(fetched))
    if kind == "slices":
        site.configure("sources.pubmed", page_size=50)
    with plain_server(search, slices(fetched) if kind == "slices" else lambda _: fetched, label) as world:
        report = pull(site, world, SECOND_NIGHT)
        before = site.counts(*GROWING)
        pull(site, world, SECOND_NIGHT if kind == "json" else THIRD_NIGHT)
    assert site.counts(*GROWING) == before, "the same replies again add nothing"
    assert report["exit_code"] == 0
    expected = assertions_in(fetched)
    assert len(expected) == 5, "the sample's 3 RetractionIn and 2 RetractionOf"
    assert retractions_on_record(site) == expected
    assert_identified(site, fetched)
    assert site.one("SELECT count(*) FROM notices WHERE source = 'openfda'") == 1
    site.done("doctor", "--quick")
    site.done("audit", "verify")


def assert_identified(site: Shell, fetched: bytes) -> None:
    """Check PMID and DOI of every record whose publication type says retraction, and of every other."""
    types = set()
    for record in etree.fromstring(fetched).iter("PubmedArticle"):
        pmid = str(record.findtext("MedlineCitation/PMID"))
        doi = record.findtext("PubmedData/ArticleIdList/ArticleId[@IdType='doi']")
        rows = site.rows(
            "SELECT i.scheme, i.value FROM notice_identifiers i JOIN notices n USING (notice_id) "
            "WHERE n.key = ? AND i.role = 'self' AND i.scheme IN ('pmid', 'doi')",
            f"pmid:{pmid}",
        )
        expected = {("pmid", pmid)} | ({("doi", doi.lower())} if doi else set())
        assert set(rows) == expected, pmid
        kind = site.one("SELECT kind FROM notices WHERE key = ?", f"pmid:{pmid}")
        said = {str(one.text) for one in record.iter("PublicationType")}
        types |= said & {"Retracted Publication", "Retraction of Publication"}
        assert (kind == "retraction_notice") == ("Retraction of Publication" in said), pmid
    assert len(types) == 2


@pytest.mark.parametrize(
    ("name", "notices", "retractions", "unreadable"),
    [
        ("fatcat_pubmed_19129924.xml", 1, set(), ""),
        ("fatcat_pubmedsample_no_pmid_2019.xml", 0, set(), "record 1: expected a PMID, got none"),
        ("retractobot_retracted_publication.xml", 1, {("10066780", "11905463", "10066780")}, ""),
        ("retractobot_retraction_notice.xml", 1, {("27508352", "27508352", "26435620")}, ""),
        ("biopython_pubmed1.xml", 2, set(), ""),
    ],
    ids=lambda value: value.split(".")[0] if isinstance(value, str) else "",
)
def test_odd_replies(
    site: Shell, name: str, notices: int, retractions: set[tuple[str, str, str]], unreadable: str
) -> None:
    fetched = recorded(f"pubmed/{name}")
    count = max(1, len(re.findall(rb"<PubmedArticle[ >]", fetched)))
    with plain_server(search_reply(["1"] * count), lambda _: fetched, recorded(LABEL)) as world:
        pull(site, world, SECOND_NIGHT)
    assert site.one("SELECT count(*) FROM notices WHERE source = 'pubmed'") == notices
    assert retractions_on_record(site) == retractions
    assert unreadable in str(site.one("SELECT unreadable FROM source_runs WHERE source = 'pubmed'"))
    assert site.one("SELECT count(*) FROM documents WHERE origin LIKE '%efetch%'") == 1, "kept, to be looked up"
