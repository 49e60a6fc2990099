"""Finds the identifiers by which texts cite works: PubMed ids and DOIs.

Only what is written as such counts: a bare number is never a PubMed id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.notice import Identifier

_PMID = re.compile(
    r"(?:\bPMIDs?\b[\s:#.]*|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)"
    r"([1-9]\d{0,8})\b((?:\s*(?:,|;|and|&)\s*[1-9]\d{4,8}\b)*)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")
_SICI = r"<[\w.-]{1,20}:[^\s\"<>|]{0,40}>(?=\d)"
"""The part in angle brackets of older DOIs, ``10.1002/(SICI)1098-1004(200001)15:1<114::AID-HUMU21>3.0.CO;2-4``: without
it all articles of an issue would look like one work."""
_DOI = re.compile(rf"\b10\.\d{{4,9}}/(?:[^\s\"<>|]|{_SICI}){{1,200}}")
_TRAILING = ".,;:!?'\u2019\u201d"


def find_citations(text: str) -> tuple[Identifier, ...]:
    """PubMed ids, then DOIs, each once, in the order of the text."""
    return distinct((*find_pmids(text), *find_dois(text)))


def find_pmids(text: str) -> tuple[Identifier, ...]:
    """Numbers that stand behind ``PMID`` or in a PubMed address."""
    numbers = [n for m in _PMID.finditer(text) for n in (m.group(1), *_NUMBER.findall(m.group(2)))]
    return distinct(Identifier("pmid", number) for number in numbers)


def find_dois(text: str) -> tuple[Identifier, ...]:
    """DOIs anywhere in the text, case-folded, without the punctuation that follows them."""
    found = (doi_identifier(match.group()) for match in _DOI.finditer(text))
    return distinct(doi for doi in found if doi is not None)


def doi_identifier(text: str) -> Identifier | None:
    """The DOI that ``text`` is or begins with (``doi:`` and resolver addresses allowed), or None."""
    match = _DOI.search(text.strip())
    if match is None:
        return None
    doi = match.group().rstrip(_TRAILING)
    while doi and doi[-1] in ")]}" and doi.count(doi[-1]) > doi.count("([{"[")]}".index(doi[-1])]):
        doi = doi[:-1].rstrip(_TRAILING)
    return Identifier("doi", doi.casefold())


def distinct(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """Each identifier once, first come first."""
    return tuple(dict.fromkeys(identifiers))
