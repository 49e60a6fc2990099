"""Turns Crossref works into notices: what a work says it updates, and what others are said to have done to it.

Direction: ``update-to`` stands on the notice and names the work, ``updated-by`` stands on the work and names the
notice. A work that updates itself claims something only where it says that it was taken back in place.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from connectors.citations import doi_identifier
from connectors.document_text import DocumentText
from connectors.invisible import visible_line
from connectors.notice import Assertion, AssertionKind, Identifier, Notice, NoticeKind, PartialDate, Section
from connectors.partial_dates import partial_date

CLAIMS = {
    "retraction": AssertionKind.RETRACTS,
    "withdrawal": AssertionKind.RETRACTS,
    "removal": AssertionKind.RETRACTS,
    "partial_retraction": AssertionKind.PARTLY_RETRACTS,
    "expression_of_concern": AssertionKind.DOUBTS,
    "correction": AssertionKind.CORRECTS,
    "erratum": AssertionKind.CORRECTS,
    "corrigendum": AssertionKind.CORRECTS,
    "new_version": AssertionKind.SUPERSEDES,
    "new_edition": AssertionKind.SUPERSEDES,
    "reinstatement": AssertionKind.REINSTATES,
}
"""What a type of update claims; an addendum or a clarification claims nothing about what was said."""
_IN_PLACE = frozenset({AssertionKind.RETRACTS, AssertionKind.PARTLY_RETRACTS})
_KINDS = (
    (AssertionKind.RETRACTS, NoticeKind.RETRACTION_NOTICE),
    (AssertionKind.PARTLY_RETRACTS, NoticeKind.RETRACTION_NOTICE),
    (AssertionKind.DOUBTS, NoticeKind.CONCERN_NOTICE),
    (AssertionKind.CORRECTS, NoticeKind.CORRECTION_NOTICE),
    (AssertionKind.REINSTATES, NoticeKind.CORRECTION_NOTICE),
)
_INLINE = re.compile(
    r"</?(?:b|i|u|em|strong|sub|sup|sc|scp|tt|font|span|mml:[a-z]+|jats:(?:bold|italic|underline|sub|sup|sc|monospace"
    r"|inline-formula|tex-math|ext-link|xref|styled-content))(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"</?(?:jats:[a-z-]+|p|br|div|title|sec|list|list-item)(?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
_Part = tuple[str, str, str]
"""Code, title and body of a part of the text."""
_DATES = ("issued", "published", "published-online", "published-print")


@dataclass(frozen=True)
class _Update:
    """One entry of ``update-to`` or ``updated-by``."""

    claim: AssertionKind
    other: Identifier
    label: str
    told_by: str
    """Who asserts it: ``publisher``, or ``retraction-watch`` with its record id."""


def read_works(source: str, items: Sequence[object], text: DocumentText) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """The notices of works, their text appended to ``text``, and a line for each work left out."""
    notices: list[Notice] = []
    unreadable: list[str] = []
    for item in items:
        doi = doi_of(item)
        if not isinstance(item, dict) or doi is None:
            unreadable.append(f"work {fingerprint(item)}: expected an object with a DOI, got none; it is left out")
            continue
        notices.append(_notice(source, item, doi, text))
    return tuple(notices), tuple(unreadable)


def doi_of(item: object) -> Identifier | None:
    """The DOI of a work or of an update, or None."""
    stated = item.get("DOI") if isinstance(item, dict) else None
    return doi_identifier(visible_line(stated)) if isinstance(stated, str) else None


def fingerprint(item: object) -> str:
    """Twelve hex digits that stand for an item without a name."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:12]


def plain(marked_up: str) -> str:
    """One visible line without the JATS, HTML and MathML tags of titles and abstracts; ``p < 0.05`` stays."""
    return visible_line(html.unescape(_BLOCK.sub(" ", _INLINE.sub("", marked_up))))


def _notice(source: str, item: Mapping[str, object], doi: Identifier, text: DocumentText) -> Notice:
    updates, updated = _updates(item, "update-to", doi), _updates(item, "updated-by", doi)
    assertions = (
        *(_assertion(update, (doi,), (update.other,)) for update in updates),
        *(_assertion(update, (update.other,), (doi,)) for update in updated),
    )
    assertions = tuple({(one.kind, one.by, one.target): one for one in assertions}.values())
    published = _published(item)
    parts = _parts(item, updates, updated)
    text.blank_line()
    start = text.length
    sections = tuple(_add_part(part, text) for part in parts if part[2])
    return Notice(
        source=source,
        kind=_kind(updates, doi),
        key=f"doi:{doi.value}",
        version=_version(parts, assertions, published),
        title=parts[0][2] or f"DOI {doi.value}",
        start=start,
        end=text.length,
        url=f"https://doi.org/{quote(doi.value, safe='/')}",
        published=published,
        identifiers=(doi,),
        assertions=assertions,
        sections=sections,
    )


def _updates(item: Mapping[str, object], field: str, own: Identifier) -> tuple[_Update, ...]:
    """The entries of a field that claim something, in a fixed order."""
    entries = item.get(field)
    found = []
    for entry in entries if isinstance(entries, list) else []:
        other = doi_of(entry)
        kind = _word(entry, "type").casefold().replace("-", "_").replace(" ", "_")
        claim = CLAIMS.get(kind)
        if claim is None or other is None or (other == own and claim not in _IN_PLACE):
            continue
        told_by = " ".join(part for part in (_word(entry, "source"), _word(entry, "record-id")) if part)
        found.append(_Update(claim, other, _word(entry, "label") or kind, told_by))
    return tuple(sorted(found, key=lambda u: (u.other.value, u.claim, u.told_by, u.label)))


def _assertion(update: _Update, by: tuple[Identifier, ...], target: tuple[Identifier, ...]) -> Assertion:
    return Assertion(update.claim, by=by, target=target, note=update.told_by)


def _kind(updates: Sequence[_Update], own: Identifier) -> NoticeKind:
    """A notice where it makes statements about another work; a work that was taken back in place is the work."""
    claims = {update.claim for update in updates if update.other != own}
    return next((kind for claim, kind in _KINDS if claim in claims), NoticeKind.ARTICLE)


def _parts(item: Mapping[str, object], updates: Sequence[_Update], updated: Sequence[_Update]) -> tuple[_Part, ...]:
    """Title, journal, what it updates, what updated it, abstract; any of them may be empty."""
    abstract = item.get("abstract")
    return (
        ("title", "Title", plain(_first(item.get("title")))),
        ("journal", "Journal", plain(_first(item.get("container-title")))),
        ("update_to", "Update to", _listed(updates)),
        ("updated_by", "Updated by", _listed(updated)),
        ("abstract", "Abstract", plain(abstract) if isinstance(abstract, str) else ""),
    )


def _add_part(part: _Part, text: DocumentText) -> Section:
    code, name, body = part
    if code == "title":
        return text.add_section(code, name, body, lead="")
    text.add_break()
    return text.add_section(code, name, body, lead=f"{name}: ")


def _listed(updates: Sequence[_Update]) -> str:
    return "; ".join(dict.fromkeys(f"{update.label} {update.other.value}" for update in updates))


def _version(parts: Sequence[_Part], assertions: Sequence[Assertion], published: PartialDate | None) -> str:
    """A hash of what is kept: being indexed or cited again makes no new version."""
    claims = [(a.kind, [i.value for i in a.by], [i.value for i in a.target], a.note) for a in assertions]
    content = json.dumps([parts, claims, published.value if published else ""], ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _published(item: Mapping[str, object]) -> PartialDate | None:
    for field in _DATES:
        holder = item.get(field)
        parts = holder.get("date-parts") if isinstance(holder, dict) else None
        first = parts[0] if isinstance(parts, list) and parts else None
        numbers = list(_numbers(first)) if isinstance(first, list) else []
        if numbers:
            year, month, day = (*numbers, "", "")[:3]
            found = partial_date(year.zfill(4), month, day, element=field)
            if found is not None:
                return found
    return None


def _numbers(parts: Sequence[object]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, int | str) or isinstance(part, bool):
            return
        yield str(part)[:9]


def _word(entry: object, field: str) -> str:
    value = entry.get(field) if isinstance(entry, dict) else None
    return visible_line(value)[:200] if isinstance(value, str) else ""


def _first(value: object) -> str:
    """The first text of a field, which may be an array, one value, or absent."""
    values = value if isinstance(value, list) else [value]
    return next((one for one in values if isinstance(one, str) and one.strip()), "")
