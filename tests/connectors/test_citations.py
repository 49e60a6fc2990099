"""Citations and dates in running text."""

from __future__ import annotations

import pytest

from connectors.citations import doi_identifier, find_citations
from connectors.partial_dates import read_date


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see PMID 90000417; doi:10.5555/x", ["pmid:90000417", "doi:10.5555/x"]),
        ("PMID: 90000417.", ["pmid:90000417"]),
        ("(PMIDs 90000417, 90000418 and 90000419)", ["pmid:90000417", "pmid:90000418", "pmid:90000419"]),
        ("PMID 90000417, 5 mg daily", ["pmid:90000417"]),
        ("https://pubmed.ncbi.nlm.nih.gov/90000417/", ["pmid:90000417"]),
        ("https://doi.org/10.5555/ABC.(1)).", ["doi:10.5555/abc.(1)"]),
        ("10.5555/x, 10.5555/x.", ["doi:10.5555/x"]),
        (
            "(10.1002/(SICI)1098-1004(200001)15:1<114::AID-HUMU21>3.0.CO;2-4).",
            ["doi:10.1002/(sici)1098-1004(200001)15:1<114::aid-humu21>3.0.co;2-4"],
        ),
        ("<p>10.5555/x<br>3</p>", ["doi:10.5555/x"]),
        ("90000417 is a number and 10.5 mg is a dose", []),
        ("PMID 0, PMIDX 5, XPMID 7", []),
    ],
)
def test_citations(text: str, found: list[str]) -> None:
    assert [f"{i.scheme}:{i.value}" for i in find_citations(text)] == found


def test_no_doi_is_none() -> None:
    assert doi_identifier("PII S0140") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-01", "2026-11-01"),
        ("20261101", "2026-11-01"),
        ("2026-11", "2026-11"),
        ("202611", "2026-11"),
        ("11/2026", "2026-11"),
        ("2026", "2026"),
        ("2026-02-30", "2026-02"),
        ("20261101120000", "2026-11-01"),
        ("2026-13", None),
        ("soon", None),
        ("", None),
        ("0000", None),
        ("١٢٣٤", None),
    ],
)
def test_dates(text: str, value: str | None) -> None:
    found = read_date(text, element="x")
    assert (found.value if found else None) == value
