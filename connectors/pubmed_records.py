"""Turns PubMed XML into notices: what an article says, and what it and others say about articles.

Direction: ``*In`` stands on the original and names the notice; ``*Of``, ``*For`` and ``*From`` stand on the notice
and name the original. Publication types are compared case-folded, as text and as MeSH id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from lxml import etree

from connectors.citations import distinct, doi_identifier, find_dois, find_pmids
from connectors.document_text import DocumentText
from connectors.invisible import visible_line
from connectors.notice import Assertion, AssertionKind, Identifier, Notice, NoticeKind, PartialDate, Section
from connectors.partial_dates import first_date, partial_date
from connectors.xml_reader import child_text, element_text, local_name

ROOTS = frozenset({"PubmedArticleSet", "PubmedArticle", "PubmedBookArticleSet", "PubmedBookArticle", "MedlineCitation"})
_RECORDS = frozenset({"PubmedArticle", "PubmedBookArticle"})
_CLAIMS: dict[str, tuple[AssertionKind, ...]] = {
    "retraction": (AssertionKind.RETRACTS,),
    "partialretraction": (AssertionKind.PARTLY_RETRACTS,),
    "expressionofconcern": (AssertionKind.DOUBTS,),
    "erratum": (AssertionKind.CORRECTS,),
    "update": (AssertionKind.SUPERSEDES,),
    "retractedandrepublished": (AssertionKind.RETRACTS, AssertionKind.SUPERSEDES),
    "correctedandrepublished": (AssertionKind.CORRECTS, AssertionKind.SUPERSEDES),
}
_REF_TYPE = re.compile(r"(.+?)(in|of|for|from)")
_NOTICE_KINDS = {
    "retraction": NoticeKind.RETRACTION_NOTICE,
    "partialretraction": NoticeKind.RETRACTION_NOTICE,
    "expressionofconcern": NoticeKind.CONCERN_NOTICE,
    "erratum": NoticeKind.CORRECTION_NOTICE,
}
_RETRACTED_TYPES = frozenset({"retracted publication", "d016441"})
_TYPE_KINDS = {
    "retraction of publication": NoticeKind.RETRACTION_NOTICE,
    "retraction notice": NoticeKind.RETRACTION_NOTICE,
    "d016440": NoticeKind.RETRACTION_NOTICE,
    "expression of concern": NoticeKind.CONCERN_NOTICE,
    "published erratum": NoticeKind.CORRECTION_NOTICE,
    "d016425": NoticeKind.CORRECTION_NOTICE,
}
_KIND_ORDER = (
    NoticeKind.RETRACTION_NOTICE,
    NoticeKind.CONCERN_NOTICE,
    NoticeKind.CORRECTION_NOTICE,
)


def read_records(source: str, root: etree._Element, text: DocumentText) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """The notices of a PubMed reply, their text appended to ``text``, and a line for each record left out."""
    notices: list[Notice] = []
    unreadable: list[str] = []
    seen: set[tuple[str, str]] = set()
    for position, record in enumerate(_records(root), start=1):
        if local_name(record) == "DeleteCitation":
            gone = [pmid for pmid in (_pmid_of(child) for child in record) if pmid]
            unreadable.append(f"DeleteCitation: {len(gone)} withdrawn record(s): {', '.join(gone)}")
            continue
        pmid = _pmid_of(_citation(record).find("PMID"))
        if not pmid:
            unreadable.append(f"record {position}: expected a PMID, got none; look it up in the stored document")
            continue
        version = _version(_citation(record))
        if (pmid, version) not in seen:
            seen.add((pmid, version))
            notices.append(_notice(source, record, pmid, version, text))
    return tuple(notices), tuple(unreadable)


def _records(root: etree._Element) -> Iterator[etree._Element]:
    """The records of a set, or the one that a bare root is."""
    if local_name(root) in _RECORDS or local_name(root) == "MedlineCitation":
        yield root
        return
    for child in root:
        if local_name(child) in _RECORDS or local_name(child) == "DeleteCitation":
            yield child


def _citation(record: etree._Element) -> etree._Element:
    """The part that describes the work: MedlineCitation, or BookDocument for a book."""
    for path in ("MedlineCitation", "BookDocument"):
        found = record.find(path)
        if found is not None:
            return found
    return record


def _pmid_of(element: etree._Element | None) -> str:
    text = element_text(element).strip()
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) <= 12 and int(text) else ""


def _version(citation: etree._Element) -> str:
    """The record's own version number, and a hash of its canonical form without layout."""
    canonical = etree.tostring(citation, method="c14n2", strip_text=True)
    pmid = citation.find("PMID")
    number = visible_line(pmid.get("Version", "")) if pmid is not None else ""
    return f"{number or '1'}-{hashlib.sha256(canonical).hexdigest()[:12]}"


def _notice(source: str, record: etree._Element, pmid: str, version: str, text: DocumentText) -> Notice:
    citation = _citation(record)
    identifiers = distinct((Identifier("pmid", pmid), *_own_dois(record, citation)))
    types = _publication_types(citation)
    assertions = tuple(_assertions(citation, identifiers, types))
    text.blank_line()
    start = text.length
    title, sections = _add_text(citation, text)
    return Notice(
        source=source,
        kind=_kind(citation, types),
        key=f"pmid:{pmid}",
        version=version,
        title=title or f"PMID {pmid}",
        start=start,
        end=text.length,
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/",
        published=_published(citation),
        identifiers=identifiers,
        cites=_cites(record, citation),
        assertions=assertions,
        sections=sections,
        licence=visible_line(child_text(citation, ".//Abstract/CopyrightInformation")),
    )


def _own_dois(record: etree._Element, citation: etree._Element) -> Iterator[Identifier]:
    """DOIs of the article itself: both places where it may stand, never those of its references."""
    holders = [
        *citation.iterfind("Article/ELocationID[@EIdType='doi']"),
        *citation.iterfind("ELocationID[@EIdType='doi']"),
        *record.iterfind("PubmedData/ArticleIdList/ArticleId[@IdType='doi']"),
        *citation.iterfind("ArticleIdList/ArticleId[@IdType='doi']"),
        *record.iterfind("PubmedBookData/ArticleIdList/ArticleId[@IdType='doi']"),
    ]
    for holder in holders:
        doi = doi_identifier(visible_line(element_text(holder)))
        if doi is not None and holder.get("ValidYN") != "N":
            yield doi


def _publication_types(citation: etree._Element) -> frozenset[str]:
    """Names and MeSH ids of the publication types, case-folded."""
    found = citation.findall(".//PublicationType")
    names = {" ".join(element_text(element).split()).casefold() for element in found}
    return frozenset(names | {(element.get("UI") or "").strip().casefold() for element in found}) - {""}


def _kind(citation: etree._Element, types: frozenset[str]) -> NoticeKind:
    kinds = {_TYPE_KINDS[name] for name in types if name in _TYPE_KINDS}
    for entry in citation.iterfind("CommentsCorrectionsList/CommentsCorrections"):
        stem, side = _ref_type(entry)
        if side and side != "in" and stem in _NOTICE_KINDS:
            kinds.add(_NOTICE_KINDS[stem])
    return next((kind for kind in _KIND_ORDER if kind in kinds), NoticeKind.ARTICLE)


def _ref_type(entry: etree._Element) -> tuple[str, str]:
    """What a link is about, and its side: ``("retraction", "in")``; ``("", "")`` for links that claim nothing."""
    match = _REF_TYPE.fullmatch((entry.get("RefType") or "").strip().casefold())
    return (match.group(1), match.group(2)) if match and match.group(1) in _CLAIMS else ("", "")


def _assertions(citation: etree._Element, own: tuple[Identifier, ...], types: frozenset[str]) -> Iterator[Assertion]:
    """What the record's links say, and what its publication type says alone."""
    stems: set[str] = set()
    for entry in citation.iterfind("CommentsCorrectionsList/CommentsCorrections"):
        stem, side = _ref_type(entry)
        if not stem:
            continue
        stems.add(f"{stem}:{'in' if side == 'in' else 'of'}")
        other, note = _linked(entry)
        by, target = (other, own) if side == "in" else (own, other)
        for kind in _CLAIMS[stem]:
            yield Assertion(kind=kind, by=by, target=target, note=note)
    if types & _RETRACTED_TYPES and not stems & {"retraction:in", "retractedandrepublished:in"}:
        yield Assertion(AssertionKind.RETRACTS, by=(), target=own, note="publication type")
    if NoticeKind.RETRACTION_NOTICE in {_TYPE_KINDS.get(name) for name in types} and not stems & {
        "retraction:of",
        "partialretraction:of",
        "retractedandrepublished:of",
    }:
        yield Assertion(AssertionKind.RETRACTS, by=own, target=(), note="publication type")


def _linked(entry: etree._Element) -> tuple[tuple[Identifier, ...], str]:
    """The identifiers that a link gives of the other work, and its note (its source where it names no work)."""
    source = visible_line(child_text(entry, "RefSource"))
    pmid = _pmid_of(entry.find("PMID"))
    named = (Identifier("pmid", pmid),) if pmid else find_pmids(source)
    identifiers = distinct((*named, *find_dois(source)))
    note = visible_line(child_text(entry, "Note"))
    return identifiers, note or ("" if identifiers else source)


def _add_text(citation: etree._Element, text: DocumentText) -> tuple[str, tuple[Section, ...]]:
    """Append title and abstract, one blank line between the parts."""
    paths = ("Article/ArticleTitle", "ArticleTitle", "Book/BookTitle", "Article/VernacularTitle")
    raw_title = next((t for t in (element_text(citation.find(path)) for path in paths) if t.strip()), "")
    title = visible_line(raw_title)
    sections = [text.add_section("title", "Title", raw_title, lead="")]
    abstracts = citation.xpath("Article/Abstract | Abstract | OtherAbstract")
    for abstract in abstracts if isinstance(abstracts, list) else []:
        if not isinstance(abstract, etree._Element):
            continue
        for part in abstract.iterfind("AbstractText"):
            body = element_text(part)
            if not body.strip():
                continue
            label = visible_line(part.get("Label") or "")
            text.blank_line()
            code = (part.get("NlmCategory") or "abstract").strip().casefold()
            sections.append(text.add_section(code, label or "Abstract", body, lead=f"{label}: " if label else ""))
    return title, tuple(section for section in sections if section.end > section.start)


def _published(citation: etree._Element) -> PartialDate | None:
    """The print date as precise as it is; the electronic date only where there is none. Parts are never mixed."""
    for path in ("Article/Journal/JournalIssue/PubDate", "Book/PubDate", "Article/ArticleDate", "ContributionDate"):
        element = citation.find(path)
        if element is None:
            continue
        name = local_name(element)
        parts = (child_text(element, "Year"), child_text(element, "Month"), child_text(element, "Day"))
        found = partial_date(*parts, element=name) or first_date(
            child_text(element, "MedlineDate"), element="MedlineDate"
        )
        if found is not None:
            return found
    return None


def _cites(record: etree._Element, citation: etree._Element) -> tuple[Identifier, ...]:
    """The works of the reference list, by PubMed id."""
    linked = citation.iterfind("CommentsCorrectionsList/CommentsCorrections[@RefType='Cites']/PMID")
    listed = record.iterfind(".//ReferenceList//ArticleId[@IdType='pubmed']")
    pmids = (_pmid_of(element) for element in (*linked, *listed))
    return distinct(Identifier("pmid", pmid) for pmid in pmids if pmid)
