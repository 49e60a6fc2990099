"""Reads a drug label in SPL (DailyMed's XML) into a notice.

Sections keep their LOINC code; a subsection without a code of its own takes that of the section around it.
An SPL file that is no label (an index of substances) is told apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from connectors import labels
from connectors.document_text import DocumentText
from connectors.invisible import visible_line
from connectors.notice import Identifier, Notice, NoticeKind, Section
from connectors.openfda_records import distinct_names
from connectors.partial_dates import read_date
from connectors.xml_reader import element_text, local_name

NAMESPACE = "urn:hl7-org:v3"
_NS = {"v3": NAMESPACE}
_LABEL_CODES = frozenset(
    {
        *("34391-3", "34390-5", "75031-5", "50577-6", "50578-4"),  # prescription, OTC, compounded; animals: both
        *("53404-0", "60683-0", "60684-8"),  # vaccine, plasma derivative, cellular therapy
        *("45129-4", "53405-7", "60682-2", "53406-5"),  # allergenics, vaccine bulk
        "",
    }
)
_OTHER_CODES = frozenset(
    {
        *("60685-5", "63417-0"),  # indexing
        *("53409-9", "81203-2", "78744-0"),  # bulk ingredients, drugs for further processing
        *("58474-8", "58475-5", "58476-3"),  # cosmetic, medical food, dietary supplement
        *("55439-4", "69403-4", "69404-2"),  # devices
    }
)
_UNII_SYSTEM = "2.16.840.1.113883.4.9"
_ACTIVE = frozenset({"ACTIB", "ACTIM", "ACTIR"})
_LINES = frozenset({"paragraph", "item", "tr", "caption", "table", "list", "br"})
_UNSHOWN = frozenset({"renderMultiMedia", "observationMedia", "footnoteRef", "col", "colgroup"})


@dataclass(frozen=True)
class _Part:
    """A section of the label before it is written: code, title, text, and how deep it stands."""

    code: str
    title: str
    body: str


def is_spl(root: etree._Element) -> bool:
    """Claim: the root is an SPL document."""
    return root.tag == f"{{{NAMESPACE}}}document"


def is_of_another_kind(root: etree._Element) -> bool:
    """Claim: the SPL document says of itself that it is no drug label, but an index, an ingredient, a device."""
    return _attribute(root, "v3:code", "code") in _OTHER_CODES


def read_spl(
    source: str, root: etree._Element, text: DocumentText, *, digest: str
) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """The label as a notice, its text appended to ``text``; or a line that says why there is none.

    ``digest`` (of the raw bytes) tells apart two contents under one version.
    """
    code = _attribute(root, "v3:code", "code")
    set_id = _attribute(root, "v3:setId", "root").casefold()
    if code not in _LABEL_CODES:
        return (), (f"expected a drug label, got an SPL document of code {code}; it is left out",)
    if not set_id:
        return (), ("expected a setId, got none; the label is left out",)
    names, uniis = _products(root)
    stated = visible_line(_flat(root.find("v3:title", _NS)))
    title = stated or ", ".join(names) or f"Label {set_id}"
    start, _ = text.add(title)
    parts = tuple(_parts(root))
    sections = tuple(_write(part, text) for part in parts)
    effective = _attribute(root, "v3:effectiveTime", "value")
    number = _attribute(root, "v3:versionNumber", "value")
    found = (("set_id", set_id), ("spl_id", _attribute(root, "v3:id", "root").casefold()))
    changes = "\n".join(p.body for p in parts if labels.field_for(p.code) == labels.RECENT_CHANGES_FIELD)
    notice = Notice(
        source=source,
        kind=NoticeKind.LABEL,
        key=f"set_id:{set_id}",
        version="-".join(part for part in (number, effective, digest[:12]) if part),
        title=title,
        start=start,
        end=text.length,
        url=f"https://dailymed.nlm.nih.gov/dailymed/drugInfo.cfm?setid={set_id}",
        published=read_date(effective, element="effectiveTime"),
        identifiers=tuple(Identifier(*pair) for pair in (*found, *(("unii", u) for u in uniis)) if pair[1]),
        sections=sections,
        names=names,
        recent_changes=labels.read_recent_changes(changes),
    )
    return (notice,), ()


def content_digest(raw: bytes) -> str:
    """Hex digest by which two files differ."""
    return hashlib.sha256(raw).hexdigest()


def _write(part: _Part, text: DocumentText) -> Section:
    """Append a section; a title that the label does not state names the section, and stays out of the text."""
    text.blank_line()
    text.add(part.title)
    if part.title and part.body:
        text.add_break()
    start, end = text.add(part.body, keep_lines=True)
    title = visible_line(part.title) or labels.title_of(labels.field_for(part.code) or "section")
    return Section(code=part.code, title=title, start=start, end=end)


def _parts(root: etree._Element) -> Iterator[_Part]:
    """All sections in the order of the document, each followed by the sections inside it."""
    stack = [(section, "") for section in reversed(root.findall("v3:component/v3:structuredBody/v3:component", _NS))]
    while stack:
        component, around = stack.pop()
        section = component.find("v3:section", _NS)
        if section is None:
            continue
        own = _attribute(section, "v3:code", "code")
        code = own if own and own != labels.UNCLASSIFIED_LOINC else around or own
        title = " ".join(_flat(section.find("v3:title", _NS)).split())
        body = "\n".join(_lines(section.find("v3:text", _NS)))
        if title or body:
            yield _Part(code, title, body)
        inner = section.findall("v3:component", _NS)
        stack.extend((child, code if code in labels.BY_LOINC else around) for child in reversed(inner))


def _lines(block: etree._Element | None) -> Iterator[str]:
    """The lines of a narrative block: one for each paragraph, item, table row or bare run of text."""
    if block is None:
        return
    run: list[str] = []
    for event, element in etree.iterwalk(block, events=("start", "end")):
        name = local_name(element)
        if name in _LINES:
            yield from _line(run)
        if event == "start":
            run.append(element.text or "" if name not in _UNSHOWN else "")
            continue
        if name in ("td", "th"):
            run.append(" | ")
        run.append(element.tail or "" if element is not block else "")
    yield from _line(run)


def _line(run: list[str]) -> Iterator[str]:
    line = " ".join("".join(run).split()).strip("| ").strip()
    run.clear()
    if line:
        yield line


def _flat(element: etree._Element | None) -> str:
    """Text of a title, line breaks in it as blanks."""
    if element is None:
        return ""
    return (
        element_text(element)
        if element.find(".//v3:br", _NS) is None
        else " ".join(str(piece) for piece in element.itertext())
    )


def _products(root: etree._Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names (generic, then brand, then active ingredients) and the UNIIs of the active ingredients."""
    generic = _texts(root, ".//v3:asEntityWithGeneric/v3:genericMedicine/v3:name")
    brands = _texts(root, ".//v3:manufacturedProduct/v3:manufacturedProduct/v3:name")
    brands += _texts(root, ".//v3:manufacturedProduct/v3:manufacturedMedicine/v3:name")
    actives: list[str] = []
    uniis: list[str] = []
    for ingredient in (*root.iterfind(".//v3:ingredient", _NS), *root.iterfind(".//v3:activeIngredient", _NS)):
        name = local_name(ingredient)
        if name != "activeIngredient" and ingredient.get("classCode") not in _ACTIVE:
            continue
        for substance in (*ingredient.iterfind("v3:ingredientSubstance", _NS), *ingredient.iterfind(_OLD, _NS)):
            actives += _texts(substance, "v3:name")
            code = substance.find("v3:code", _NS)
            if code is not None and code.get("codeSystem") == _UNII_SYSTEM:
                uniis.append(visible_line(code.get("code") or ""))
    return distinct_names([*generic, *brands, *actives]), tuple(dict.fromkeys(u for u in uniis if u))


_OLD = "v3:activeIngredientSubstance"


def _texts(element: etree._Element, path: str) -> list[str]:
    return [line for line in (visible_line(element_text(found)) for found in element.iterfind(path, _NS)) if line]


def _attribute(element: etree._Element, path: str, name: str) -> str:
    found = element.find(path, _NS)
    return visible_line(found.get(name) or "") if found is not None else ""
