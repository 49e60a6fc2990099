"""Replies in the services' formats, with invented identifiers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2026//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_260101.dtd">'
)


def article(
    pmid: str,
    *,
    title: str = "Corvandine in chronic insomnia.",
    abstract: str = "<AbstractText>Corvandine 5 mg halved the time to sleep.</AbstractText>",
    links: str = "",
    types: str = '<PublicationType UI="D016428">Journal Article</PublicationType>',
    doi: str = "",
    dates: str = "<Year>2026</Year><Month>Mar</Month><Day>9</Day>",
    references: str = "",
) -> str:
    """A PubmedArticle element."""
    pmid_element = f'<PMID Version="1">{pmid}</PMID>' if pmid else ""
    article_id = f'<ArticleId IdType="doi">{doi}</ArticleId>' if doi else ""
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM">{pmid_element}
<Article PubModel="Print"><Journal><JournalIssue><PubDate>{dates}</PubDate></JournalIssue><Title>J</Title></Journal>
<ArticleTitle>{title}</ArticleTitle><Abstract>{abstract}</Abstract>
<PublicationTypeList>{types}</PublicationTypeList></Article>
<CommentsCorrectionsList>{links}</CommentsCorrectionsList></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="pubmed">{pmid}</ArticleId>{article_id}</ArticleIdList>
<ReferenceList><Reference><ArticleIdList>{references}</ArticleIdList></Reference></ReferenceList></PubmedData>
</PubmedArticle>"""


def link(ref_type: str, *, pmid: str = "", source: str = "J Sleep. 2026;1:1", note: str = "") -> str:
    """A CommentsCorrections element."""
    number = f'<PMID Version="1">{pmid}</PMID>' if pmid else ""
    said = f"<Note>{note}</Note>" if note else ""
    element = "CommentsCorrections"
    return f'<{element} RefType="{ref_type}"><RefSource>{source}</RefSource>{number}{said}</{element}>'


def article_set(*articles: str) -> bytes:
    """A whole efetch reply."""
    body = "\n".join(articles)
    return f'<?xml version="1.0" ?>\n{DOCTYPE}\n<PubmedArticleSet>{body}</PubmedArticleSet>'.encode()


def esearch(ids: Sequence[str], *, count: int | None = None, history: bool = True) -> bytes:
    """An esearch reply in JSON."""
    result: dict[str, object] = {
        "count": str(len(ids) if count is None else count),
        "retmax": str(len(ids)),
        "retstart": "0",
        "idlist": list(ids),
        "querytranslation": "invented",
    }
    if history:
        result |= {"querykey": "1", "webenv": "MCID_invented"}
    return json.dumps({"header": {"type": "esearch", "version": "0.3"}, "esearchresult": result}).encode()


def label(set_id: str = "1a3c0ce7-0000-4e04-9106-00000000000a", **fields: object) -> dict[str, object]:
    """An openFDA label record."""
    record: dict[str, object] = {
        "set_id": set_id,
        "id": "5a5b1155-0000-4f57-bd89-00000000000b",
        "version": "8",
        "effective_time": "20261101",
        "dosage_and_administration": ["2 DOSAGE AND ADMINISTRATION The recommended dose is 5 mg once daily."],
        "contraindications": ["4 CONTRAINDICATIONS None."],
        "openfda": {
            "brand_name": ["SLEEPWELL"],
            "generic_name": ["CORVANDINE"],
            "substance_name": ["CORVANDINE"],
            "rxcui": ["9000001"],
            "unii": ["ZZ00000001"],
            "application_number": ["NDA900001"],
            "spl_id": ["5a5b1155-0000-4f57-bd89-00000000000b"],
        },
    }
    return record | fields


def recall(number: str = "D-9001-2026", **fields: object) -> dict[str, object]:
    """An openFDA enforcement record."""
    record: dict[str, object] = {
        "recall_number": number,
        "event_id": "990001",
        "status": "Ongoing",
        "classification": "Class II",
        "report_date": "20261104",
        "recall_initiation_date": "20261020",
        "product_description": "Corvandine Tartrate Tablets, 5 mg, 30-count bottle, Rx only, NDC 99001-123-30",
        "reason_for_recall": "Failed dissolution specifications.",
        "code_info": "Lot # CV0001, Exp 01/2028",
        "product_quantity": "1,200 bottles",
        "recalling_firm": "Invented Pharma Inc.",
        "distribution_pattern": "Nationwide",
        "voluntary_mandated": "Voluntary: Firm initiated",
        "openfda": {
            "generic_name": ["CORVANDINE TARTRATE"],
            "brand_name": ["SLEEPWELL"],
            "product_ndc": ["99001-123"],
            "package_ndc": ["99001-123-30"],
            "rxcui": ["9000001"],
        },
    }
    return record | fields


def spl_row(set_id: str, number: object = 1, published: str = "Nov 10, 2026") -> dict[str, object]:
    """A row of DailyMed's list of labels."""
    return {"spl_version": number, "published_date": published, "title": "SLEEPWELL TABLET [X]", "setid": set_id}


def spl_list(*rows: object, total: int | None = None, page: int = 1, size: int = 100, **metadata: object) -> bytes:
    """A page of DailyMed's list of labels."""
    total = len(rows) if total is None else total
    pages = -(-total // size)
    stated = {
        "db_published_date": "Nov 19, 2026 07:40:57PM EST",
        "elements_per_page": size,
        "total_elements": total,
        "total_pages": pages,
        "current_page": page,
        "next_page": page + 1 if page < pages else "null",
        "next_page_url": "null",
        "previous_page": "null",
    }
    return json.dumps({"data": list(rows), "metadata": stated | metadata}).encode()


def label_reply(*records: Mapping[str, object], total: int | None = None) -> bytes:
    """A whole openFDA reply."""
    meta = {"last_updated": "2026-11-19", "results": {"skip": 0, "limit": 1000, "total": total or len(records)}}
    return json.dumps({"meta": meta, "results": list(records)}).encode()


def openfda_error(code: str) -> bytes:
    """An openFDA error reply."""
    return json.dumps({"error": {"code": code, "message": "said by the service"}}).encode()
