"""Turns openFDA label records into notices.

A record is a flat object: each section an array of one flattened string under its field name. The rendering is
fixed (sections in label order, whatever order the service sent), so that equal content gives equal text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from connectors import labels
from connectors.document_text import DocumentText
from connectors.invisible import visible_line
from connectors.notice import Identifier, Notice, NoticeKind, Section
from connectors.partial_dates import read_date
from connectors.visible_text import read_page

_NOT_SECTIONS = frozenset({"set_id", "id", "version", "effective_time", "openfda", "title"})
_TABLE = "_table"
_IDENTIFIERS = (
    ("spl_id", "spl_id"),
    ("rxcui", "rxcui"),
    ("unii", "unii"),
    ("application_number", "application_number"),
)
_NAMES = ("generic_name", "brand_name", "substance_name")


def read_label_records(
    source: str, records: Sequence[object], text: DocumentText
) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """The notices of label records, their text appended to ``text``, and a line for each record left out."""
    notices: list[Notice] = []
    unreadable: list[str] = []
    for position, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            unreadable.append(f"record {position}: expected an object, got something else; it is left out")
            continue
        set_id = _set_id(record)
        if not set_id:
            unreadable.append(f"record {position}: expected a set_id, got none; it is left out")
            continue
        notices.append(_notice(source, record, set_id, text))
    return tuple(notices), tuple(unreadable)


def _set_id(record: Mapping[str, object]) -> str:
    stated = (*strings_of(record.get("set_id")), *strings_of(openfda_block(record).get("spl_set_id")))
    return next((line for line in (visible_line(value).casefold() for value in stated) if line), "")


def _notice(source: str, record: Mapping[str, object], set_id: str, text: DocumentText) -> Notice:
    names = _names(record)
    bodies = _section_bodies(record)
    title = visible_line(first_string(record.get("title"))) or ", ".join(names) or f"Label {set_id}"
    text.blank_line()
    start, _ = text.add(title)
    sections = tuple(_add_section(field, body, text) for field, body in bodies)
    effective = visible_line(first_string(record.get("effective_time")))
    return Notice(
        source=source,
        kind=NoticeKind.LABEL,
        key=f"set_id:{set_id}",
        version=_version(record, effective),
        title=title,
        start=start,
        end=text.length,
        url=f"https://dailymed.nlm.nih.gov/dailymed/drugInfo.cfm?setid={set_id}",
        published=read_date(effective, element="effective_time"),
        identifiers=_identifiers(record, set_id),
        sections=sections,
        names=names,
        recent_changes=labels.read_recent_changes(dict(bodies).get(labels.RECENT_CHANGES_FIELD, "")),
    )


def _add_section(field: str, body: str, text: DocumentText) -> Section:
    title = labels.title_of(field)
    text.blank_line()
    return text.add_section(field, title, body, lead=f"{title}\n")


def _section_bodies(record: Mapping[str, object]) -> list[tuple[str, str]]:
    """Field and text of every section, in label order; a table counts only where its section has no text."""
    found: dict[str, str] = {}
    for field, value in record.items():
        body = " ".join(strings_of(value)) if isinstance(value, list | str) else ""
        if field not in _NOT_SECTIONS and not field.startswith("@") and body.strip():
            found[visible_line(field)] = body
    for field in [field for field in found if field.endswith(_TABLE)]:
        html = found.pop(field)
        plain = field.removesuffix(_TABLE)
        if plain not in found:
            found[plain] = "\n".join(block.text for block in read_page(html.encode(errors="replace")).blocks)
    return sorted(found.items(), key=lambda item: labels.rank(item[0]))


def _version(record: Mapping[str, object], effective: str) -> str:
    """The label's version and date, and a hash of the whole record: content may change under the same version."""
    canonical = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    number = visible_line(first_string(record.get("version")))
    return "-".join(part for part in (number, effective, digest) if part)


def _identifiers(record: Mapping[str, object], set_id: str) -> tuple[Identifier, ...]:
    found = [Identifier("set_id", set_id)]
    found += [Identifier("spl_id", visible_line(value).casefold()) for value in strings_of(record.get("id"))]
    openfda = openfda_block(record)
    for field, scheme in _IDENTIFIERS:
        values = (visible_line(value) for value in strings_of(openfda.get(field)))
        found += [Identifier(scheme, value.casefold() if scheme == "spl_id" else value) for value in values if value]
    return tuple(dict.fromkeys(found))


def _names(record: Mapping[str, object]) -> tuple[str, ...]:
    """Ingredient first, then brand, then substances; each once, whatever its case."""
    openfda = openfda_block(record)
    stated = [visible_line(value) for field in _NAMES for value in strings_of(openfda.get(field))]
    if not any(stated):
        stated = names_from_product_data(visible_line(first_string(record.get(labels.PRODUCT_DATA_FIELD))))
    return distinct_names(stated)


def names_from_product_data(elements: str) -> list[str]:
    """Names from the flattened product data (brand, generic, SUBSTANCE ...): a best effort, ingredient first."""
    words = elements.split()
    if not words:
        return []
    folded = [word.casefold() for word in words]
    for position, word in enumerate(words[1:6], start=1):
        if folded[position] in folded[position + 1 : position + 8] and word.isalpha():
            brand = " ".join(words[:position])
            return [word, brand] if brand.casefold() != word.casefold() else [brand]
    return [words[0]]


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, compared without case, first come first."""
    found: dict[str, str] = {}
    for name in names:
        if name:
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


def openfda_block(record: Mapping[str, object]) -> Mapping[str, object]:
    """The harmonised names and codes of a record; empty where the service has none."""
    found = record.get("openfda")
    return found if isinstance(found, dict) else {}


def strings_of(value: object) -> list[str]:
    """The strings in a field, which may be an array, one value, or absent."""
    values = value if isinstance(value, list) else [value]
    return [str(item) for item in values if isinstance(item, str | int) and not isinstance(item, bool)]


def first_string(value: object) -> str:
    """The first string in a field; ``""`` where there is none."""
    return next(iter(strings_of(value)), "")
