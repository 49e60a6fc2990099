"""Turns openFDA enforcement records into notices of drug recalls.

A record is a flat object that the agency changes in place (status, class, termination), so that a version is a hash
of its content. The rendering is fixed, whatever order the service sent, so that equal content gives equal text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from connectors.document_text import DocumentText
from connectors.invisible import visible_line
from connectors.notice import Identifier, Notice, NoticeKind, Section
from connectors.openfda_records import distinct_names, first_string, openfda_block, strings_of
from connectors.partial_dates import read_date

SECTIONS = (
    ("product_description", "Product"),
    ("reason_for_recall", "Reason for recall"),
    ("classification", "Classification"),
    ("status", "Status"),
    ("recalling_firm", "Recalling firm"),
    ("code_info", "Codes"),
    ("more_code_info", "More codes"),
    ("product_quantity", "Quantity"),
    ("distribution_pattern", "Distribution"),
    ("voluntary_mandated", "Voluntary or mandated"),
    ("recall_initiation_date", "Recall initiated"),
    ("center_classification_date", "Classified"),
    ("report_date", "Reported"),
    ("termination_date", "Terminated"),
)
_IDENTIFIERS = (("product_ndc", "ndc"), ("package_ndc", "ndc"), ("rxcui", "rxcui"))
_NAMES = ("generic_name", "brand_name", "substance_name")
_NDC = re.compile(r"\bNDC\b[\s:#.]{0,5}(\d{4,5}-\d{3,4}(?:-\d{1,2})?)(?![\d-])", re.ASCII)
_LONGEST_TITLE = 120


def read_recall_records(
    source: str, records: Sequence[object], text: DocumentText
) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """The notices of enforcement records, their text appended to ``text``, and a line for each record left out."""
    notices: list[Notice] = []
    unreadable: list[str] = []
    for position, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            unreadable.append(f"record {position}: expected an object, got something else; it is left out")
        elif not (key := _key(record)):
            unreadable.append(
                f"record {position}: expected a recall_number, or event_id and product_description, got neither; "
                "it is left out"
            )
        else:
            notices.append(_notice(source, record, key, text))
    return tuple(notices), tuple(unreadable)


def _key(record: Mapping[str, object]) -> str:
    """The recall's number; one that has none yet is known by its event and product until it gets one."""
    number, event, product = (_line(record, field) for field in ("recall_number", "event_id", "product_description"))
    if number:
        return f"recall_number:{number}"
    if not (event and product):
        return ""
    return f"recall:{hashlib.sha256(chr(0).join((event, product)).encode()).hexdigest()[:16]}"


def _notice(source: str, record: Mapping[str, object], key: str, text: DocumentText) -> Notice:
    event = _line(record, "event_id")
    title = _title(record)
    text.blank_line()
    start, _ = text.add(title)
    sections = tuple(
        _add_section(field, heading, body, text)
        for field, heading in SECTIONS
        if (body := " ".join(strings_of(record.get(field)))).strip()
    )
    return Notice(
        source=source,
        kind=NoticeKind.DRUG_RECALL,
        key=key,
        version=_version(record),
        title=title,
        start=start,
        end=text.length,
        url=f"https://www.accessdata.fda.gov/scripts/ires/?Event={event}" if _is_number(event) else "",
        published=read_date(_line(record, "report_date"), element="report_date"),
        identifiers=_identifiers(record),
        sections=sections,
        names=distinct_names(
            [visible_line(name) for field in _NAMES for name in strings_of(openfda_block(record).get(field))]
        ),
    )


def _add_section(field: str, heading: str, body: str, text: DocumentText) -> Section:
    text.blank_line()
    return text.add_section(field, heading, body, lead=f"{heading}\n")


def _title(record: Mapping[str, object]) -> str:
    """Number and product, cut at a word: nothing in it moves when the agency changes status or class."""
    number, product = _line(record, "recall_number"), _line(record, "product_description")
    if len(product) > _LONGEST_TITLE:
        product = f"{product[:_LONGEST_TITLE].rpartition(' ')[0] or product[:_LONGEST_TITLE]} ..."
    return ": ".join(part for part in (f"Drug recall {number}".strip(), product) if part)


def _version(record: Mapping[str, object]) -> str:
    """A hash of the record without the service's own bookkeeping fields."""
    stated = {field: value for field, value in record.items() if not field.startswith("@")}
    canonical = json.dumps(stated, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _identifiers(record: Mapping[str, object]) -> tuple[Identifier, ...]:
    """Number and event; NDC and RxCUI as harmonised, else the NDCs that the product's description writes as such."""
    found = [Identifier(field, line) for field in ("recall_number", "event_id") if (line := _line(record, field))]
    for field, scheme in _IDENTIFIERS:
        values = (visible_line(value) for value in strings_of(openfda_block(record).get(field)))
        found += [Identifier(scheme, value) for value in values if value]
    if all(identifier.scheme != "ndc" for identifier in found):
        found += [Identifier("ndc", ndc) for ndc in _NDC.findall(_line(record, "product_description"))]
    return tuple(dict.fromkeys(found))


def _line(record: Mapping[str, object], field: str) -> str:
    return visible_line(first_string(record.get(field)))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
