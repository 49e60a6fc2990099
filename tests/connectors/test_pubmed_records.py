"""PubMed XML into notices: direction of links, identifiers, dates, text; and the recorded sample."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.document_text import DocumentText
from connectors.notice import AssertionKind, DatePrecision, Identifier, Notice, NoticeKind
from connectors.pubmed_records import read_records
from connectors.xml_reader import read_xml
from tests.connectors.made_replies import article, article_set, link
from tests.connectors.recorded import recorded

OWN = Identifier("pmid", "90000001")
OTHER = Identifier("pmid", "90000002")


def read(body: bytes) -> tuple[tuple[Notice, ...], tuple[str, ...], DocumentText]:
    text = DocumentText()
    notices, unreadable = read_records("pubmed", read_xml("pubmed", body, what="test"), text)
    return notices, unreadable, text


def only(body: bytes) -> Notice:
    notices, _, _ = read(body)
    assert len(notices) == 1
    return notices[0]


LINKS = [
    ("RetractionIn", [AssertionKind.RETRACTS], False, NoticeKind.ARTICLE),
    ("RetractionOf", [AssertionKind.RETRACTS], True, NoticeKind.RETRACTION_NOTICE),
    ("PartialRetractionIn", [AssertionKind.PARTLY_RETRACTS], False, NoticeKind.ARTICLE),
    ("PartialRetractionOf", [AssertionKind.PARTLY_RETRACTS], True, NoticeKind.RETRACTION_NOTICE),
    ("ExpressionOfConcernIn", [AssertionKind.DOUBTS], False, NoticeKind.ARTICLE),
    ("ExpressionOfConcernFor", [AssertionKind.DOUBTS], True, NoticeKind.CONCERN_NOTICE),
    ("ErratumIn", [AssertionKind.CORRECTS], False, NoticeKind.ARTICLE),
    ("ErratumFor", [AssertionKind.CORRECTS], True, NoticeKind.CORRECTION_NOTICE),
    ("UpdateIn", [AssertionKind.SUPERSEDES], False, NoticeKind.ARTICLE),
    ("UpdateOf", [AssertionKind.SUPERSEDES], True, NoticeKind.ARTICLE),
    ("RetractedandRepublishedIn", [AssertionKind.RETRACTS, AssertionKind.SUPERSEDES], False, NoticeKind.ARTICLE),
    ("RetractedandRepublishedFrom", [AssertionKind.RETRACTS, AssertionKind.SUPERSEDES], True, NoticeKind.ARTICLE),
]


@pytest.mark.parametrize(("ref_type", "kinds", "by_self", "notice_kind"), LINKS)
def test_a_link_is_read_in_its_direction(
    ref_type: str, kinds: list[AssertionKind], by_self: bool, notice_kind: NoticeKind
) -> None:
    notice = only(article_set(article("90000001", links=link(ref_type, pmid="90000002"))))
    assert [a.kind for a in notice.assertions] == kinds
    for assertion in notice.assertions:
        assert assertion.by == ((OWN,) if by_self else (OTHER,))
        assert assertion.target == ((OTHER,) if by_self else (OWN,))
    assert notice.kind is notice_kind
    assert notice.key == "pmid:90000001"


@pytest.mark.parametrize("ref_type", ["Cites", "CommentIn", "CommentOn", "SummaryForPatientsIn", "RepublishedFrom", ""])
def test_other_links_claim_nothing(ref_type: str) -> None:
    assert only(article_set(article("90000001", links=link(ref_type, pmid="90000002")))).assertions == ()


@pytest.mark.parametrize(
    "types",
    [
        '<PublicationType UI="D016441">Retracted Publication</PublicationType>',
        '<PublicationType UI="">RETRACTED PUBLICATION</PublicationType>',
        '<PublicationType UI="D016441">publication retirada</PublicationType>',
    ],
)
def test_a_retracted_publication_without_link_is_still_retracted(types: str) -> None:
    notice = only(article_set(article("90000001", types=types)))
    assert [(a.kind, a.by, a.target) for a in notice.assertions] == [(AssertionKind.RETRACTS, (), (OWN,))]
    assert notice.kind is NoticeKind.ARTICLE


@pytest.mark.parametrize(
    "types",
    [
        '<PublicationType UI="">RETRACTION OF PUBLICATION</PublicationType>',
        '<PublicationType UI="D016440">Retraction Notice</PublicationType>',
    ],
)
def test_a_notice_without_link_retracts_something_unnamed(types: str) -> None:
    notice = only(article_set(article("90000001", types=types)))
    assert notice.kind is NoticeKind.RETRACTION_NOTICE
    assert [(a.kind, a.by, a.target) for a in notice.assertions] == [(AssertionKind.RETRACTS, (OWN,), ())]


def test_type_and_link_together_make_one_assertion() -> None:
    body = article(
        "90000001",
        types='<PublicationType UI="D016441">Retracted Publication</PublicationType>',
        links=link("RetractionIn", pmid="90000002") + link("ErratumIn", note="Dosage error in abstract"),
    )
    notice = only(article_set(body))
    assert Counter(a.kind for a in notice.assertions) == {AssertionKind.RETRACTS: 1, AssertionKind.CORRECTS: 1}
    assert [a.note for a in notice.assertions if a.kind is AssertionKind.CORRECTS] == ["Dosage error in abstract"]


def test_a_doi_in_the_source_of_a_link_is_an_identifier() -> None:
    source = "Trial J. 2026;1:1. doi: 10.5555/Trial.(1)."
    notice = only(article_set(article("90000001", links=link("RetractionOf", source=source))))
    assert notice.assertions[0].target == (Identifier("doi", "10.5555/trial.(1)"),)


def test_dois_come_from_the_article_and_not_from_its_references() -> None:
    references = '<ArticleId IdType="doi">10.5555/other</ArticleId><ArticleId IdType="pubmed">90000009</ArticleId>'
    notice = only(article_set(article("90000001", doi="10.5555/MINE", references=references)))
    assert notice.identifiers == (OWN, Identifier("doi", "10.5555/mine"))
    assert notice.cites == (Identifier("pmid", "90000009"),)


@pytest.mark.parametrize(
    ("dates", "value", "precision", "element"),
    [
        ("<Year>2026</Year><Month>Mar</Month><Day>9</Day>", "2026-03-09", DatePrecision.DAY, "PubDate"),
        ("<Year>2026</Year><Month>03</Month>", "2026-03", DatePrecision.MONTH, "PubDate"),
        ("<Year>2026</Year><Season>Spring</Season>", "2026", DatePrecision.YEAR, "PubDate"),
        ("<Year>2026</Year><Month>Sep</Month><Day>31</Day>", "2026-09", DatePrecision.MONTH, "PubDate"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", "1998-12", DatePrecision.MONTH, "MedlineDate"),
        ("<MedlineDate>1944-1945</MedlineDate>", "1944", DatePrecision.YEAR, "MedlineDate"),
    ],
)
def test_dates_are_as_precise_as_they_are(dates: str, value: str, precision: DatePrecision, element: str) -> None:
    published = only(article_set(article("90000001", dates=dates))).published
    assert published is not None
    assert (published.value, published.precision, published.element) == (value, precision, element)


@pytest.mark.parametrize("dates", ["", "<MedlineDate>undated</MedlineDate>", "<Year>MMXX</Year>"])
def test_no_date_is_no_date(dates: str) -> None:
    assert only(article_set(article("90000001", dates=dates))).published is None


def test_text_is_title_then_labelled_parts_with_inline_markup_flattened() -> None:
    abstract = (
        '<AbstractText Label="METHODS" NlmCategory="METHODS">H<sub>2</sub>O,\n   <i>n</i> = 5.</AbstractText>'
        "<AbstractText/>"
        '<AbstractText Label="RESULTS" NlmCategory="RESULTS">5\u2009mg\u200b won.</AbstractText>'
    )
    notices, _, text = read(article_set(article("90000001", title="A <i>bold</i> title.", abstract=abstract)))
    assert text.text == "A bold title.\n\nMETHODS: H2O, n = 5.\n\nRESULTS: 5 mg won."
    sections = {s.title: text.text[s.start : s.end] for s in notices[0].sections}
    assert sections == {"Title": "A bold title.", "METHODS": "H2O, n = 5.", "RESULTS": "5 mg won."}
    assert [h.why for h in text.hidden] == ["zero-width characters"]


def test_a_record_that_comes_twice_in_one_reply_is_told_once() -> None:
    notices, unreadable, _ = read(article_set(article("90000001"), article("90000001")))
    assert [n.key for n in notices] == ["pmid:90000001"]
    assert unreadable == ()


def test_a_record_without_pmid_is_a_line_and_the_others_are_read() -> None:
    notices, unreadable, _ = read(article_set(article(""), article("90000001")))
    assert [n.key for n in notices] == ["pmid:90000001"]
    assert len(unreadable) == 1
    assert unreadable[0].startswith("record 1: expected a PMID")


def test_withdrawn_records_are_named() -> None:
    _, unreadable, _ = read(article_set("<DeleteCitation><PMID>90000003</PMID></DeleteCitation>"))
    assert unreadable == ("DeleteCitation: 1 withdrawn record(s): 90000003",)


def test_a_book_chapter_is_read() -> None:
    book = (
        '<PubmedBookArticle><BookDocument><PMID Version="1">90000005</PMID>'
        "<Book><BookTitle>Reviews</BookTitle><PubDate><Year>2025</Year></PubDate></Book>"
        "<ArticleTitle>Corvandine</ArticleTitle><Abstract><AbstractText>5 mg.</AbstractText></Abstract>"
        "</BookDocument></PubmedBookArticle>"
    )
    notice = only(article_set(book))
    assert (notice.key, notice.title, notice.published and notice.published.value) == (
        "pmid:90000005",
        "Corvandine",
        "2025",
    )


def test_layout_does_not_make_a_new_version_but_content_does() -> None:
    one = article("90000001")
    spaced = one.replace("><", ">\n   <")
    changed = one.replace("5 mg", "10 mg")
    versions = [only(article_set(body)).version for body in (one, spaced, changed)]
    assert versions[0] == versions[1] != versions[2]
    assert only(one.encode()).version == versions[0], "a bare root is the same record"


# --- recorded ----------------------------------------------------------------------------------------------

SAMPLE = "pubmed/fatcat_pubmedsample_2019.xml"


def test_recorded_sample_counts() -> None:
    notices, unreadable, text = read(recorded(SAMPLE))
    kinds = Counter(a.kind for n in notices for a in n.assertions)
    assert len(notices) == 176
    assert kinds == {AssertionKind.RETRACTS: 5, AssertionKind.CORRECTS: 14, AssertionKind.SUPERSEDES: 5}
    assert Counter(n.kind for n in notices)[NoticeKind.RETRACTION_NOTICE] == 2
    assert sum(n.published is not None and n.published.element == "MedlineDate" for n in notices) == 15
    assert sum(any(i.scheme == "doi" for i in n.identifiers) for n in notices) == 70
    assert len(unreadable) == 1
    assert "7 withdrawn" in unreadable[0]
    assert all(text.text[s.start : s.end].strip() for n in notices for s in n.sections)


def test_recorded_retractions_name_the_right_papers() -> None:
    notices, _, _ = read(recorded(SAMPLE))
    pairs = {
        (n.key, a.by[0].value, a.target[0].value)
        for n in notices
        for a in n.assertions
        if a.kind is AssertionKind.RETRACTS
    }
    assert pairs == {
        ("pmid:8655018", "9867474", "8655018"),
        ("pmid:8863847", "9499167", "8863847"),
        ("pmid:11543891", "11600210", "11543891"),
        ("pmid:9634358", "9634358", "8393056"),
        ("pmid:11600210", "11600210", "11543891"),
    }


def test_recorded_dosage_erratum_keeps_its_note() -> None:
    notices, _, _ = read(recorded(SAMPLE))
    notes = [a.note for n in notices if n.key == "pmid:9861576" for a in n.assertions]
    assert notes == ["Dosage error in published abstract; MEDLINE/PubMed abstract corrected"]


def test_recorded_bare_root_and_odd_notice() -> None:
    original = only(recorded("pubmed/retractobot_retracted_publication.xml"))
    assert (AssertionKind.RETRACTS, "11905463") in [(a.kind, a.by[0].value) for a in original.assertions if a.by]
    notice = only(recorded("pubmed/retractobot_retraction_notice.xml"))
    assert notice.kind is NoticeKind.RETRACTION_NOTICE
    assert notice.assertions[0].target == (Identifier("pmid", "26435620"),)


def test_recorded_record_without_pmid() -> None:
    notices, unreadable, _ = read(recorded("pubmed/fatcat_pubmedsample_no_pmid_2019.xml"))
    assert notices == ()
    assert len(unreadable) == 1


def test_recorded_bare_article_cites_its_references() -> None:
    notice = only(recorded("pubmed/fatcat_pubmed_19129924.xml"))
    assert Identifier("doi", "10.3389/neuro.11.006.2008") in notice.identifiers
    assert len([i for i in notice.identifiers if i.scheme == "doi"]) == 1
    assert Identifier("pmid", "15548210") in notice.cites
