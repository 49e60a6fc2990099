"""Reads vocabulary files as their publishers write them; the format is seen from the content, not from the name.

RxNorm: ``RXNCONSO.RRF``, and ``RXNREL.RRF`` beside it for brands and salts. MeSH: descriptors as XML or as the ASCII
d-file. Else a CSV or TSV file with the columns id and name (and kind), one row for each name.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from workflow.errors import SettingsError
from workflow.intake.vocabulary import LONGEST_NAME, Concept, Vocabulary

_KINDS = {"IN": 0, "MIN": 1, "PIN": 2, "BN": 3}
"""RxNorm's term types that name what a text names, the most general first: ingredient, mixture, salt, brand."""
_LEADS_TO_INGREDIENT = frozenset({"tradename_of", "form_of"})
_RRF_COLUMNS = 17
_ILLNESSES = ("C", "F03")
"""Trees of MeSH that hold diseases and mental disorders."""
_PREFIXED = re.compile(r"^(?P<system>[A-Za-z]+):(?P<code>\S+)$")


def read_vocabulary(path: Path, *, what: str) -> Vocabulary:
    """Read a vocabulary file.

    Raises:
        SettingsError: it cannot be read, or holds no name in a format that is known.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise SettingsError(f"{what} {path}: expected a file, got {type(error).__name__}; check the path") from error
    try:
        concepts = list(_concepts(path, head, what))
    except (OSError, UnicodeDecodeError, csv.Error, etree.XMLSyntaxError) as error:
        raise SettingsError(f"{what} {path}: expected a whole file, got {type(error).__name__}") from error
    if not concepts:
        raise SettingsError(f"{what} {path}: expected names with ids, got none")
    return Vocabulary.of(concepts)


def _concepts(path: Path, head: bytes, what: str) -> Iterator[Concept]:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"*NEWRECORD"):
        return _mesh_ascii(path)
    if start.startswith(b"<"):
        return _mesh_xml(path)
    if start.partition(b"\n")[0].count(b"|") >= _RRF_COLUMNS:
        return _rxnorm(path)
    return _table(path, what)


def _rxnorm(path: Path) -> Iterator[Concept]:
    """English names of ingredients, mixtures, salts and brands; salts and brands under their one ingredient."""
    kinds: dict[str, str] = {}
    preferred: dict[str, str] = {}
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for cells in _rrf(path, _RRF_COLUMNS):
        rxcui, language, source, kind, name, suppressed = (cells[at] for at in (0, 1, 11, 12, 14, 16))
        if language != "ENG" or suppressed in {"Y", "O"} or len(name) > LONGEST_NAME:
            continue
        names[rxcui].setdefault(name)
        if source == "RXNORM" and kind in _KINDS and _KINDS[kind] <= _KINDS.get(kinds.get(rxcui, "BN"), 9):
            kinds[rxcui], preferred[rxcui] = kind, name
    ingredient = _ingredients(path.with_name("RXNREL.RRF"), kinds)
    under: dict[str, dict[str, None]] = defaultdict(dict)
    for rxcui in sorted(kinds, key=lambda one: (_KINDS[kinds[one]], one)):
        home = ingredient.get(rxcui, rxcui)
        under[home].setdefault(preferred[home])
        under[home].update(dict.fromkeys(names[rxcui]))
    for rxcui, found in under.items():
        yield Concept(f"RxNorm:{rxcui}", tuple(found))


def _ingredients(relations: Path, kinds: dict[str, str]) -> dict[str, str]:
    """The one ingredient or mixture of each salt and brand; a brand of several belongs to its mixture or to none."""
    if not relations.is_file():
        return {}
    found: dict[str, set[str]] = defaultdict(set)
    for cells in _rrf(relations, 8):
        home, own, how = cells[0], cells[4], cells[7]
        if how in _LEADS_TO_INGREDIENT and kinds.get(own) in {"BN", "PIN"} and kinds.get(home) in {"IN", "MIN"}:
            found[own].add(home)
    chosen = {}
    for own, homes in found.items():
        mixtures = [home for home in homes if kinds[home] == "MIN"]
        narrowed = mixtures or list(homes)
        if len(narrowed) == 1:
            chosen[own] = narrowed[0]
    return chosen


def _rrf(path: Path, least: int) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            cells = line.rstrip("\n").split("|")
            if len(cells) >= least:
                yield cells


def _mesh_ascii(path: Path) -> Iterator[Concept]:
    with path.open(encoding="utf-8", errors="replace") as file:
        record: dict[str, list[str]] = defaultdict(list)
        for line in file:
            if line.startswith("*NEWRECORD"):
                yield from _descriptor(record)
                record = defaultdict(list)
            elif " = " in line:
                field, _, value = line.rstrip("\n").partition(" = ")
                record[field.strip()].append(value)
        yield from _descriptor(record)


def _descriptor(record: dict[str, list[str]]) -> Iterator[Concept]:
    if record["UI"] and record["MH"] and _is_illness(record["MN"]):
        entries = (entry.partition("|")[0] for field in ("PRINT ENTRY", "ENTRY") for entry in record[field])
        yield Concept(f"MeSH:{record['UI'][0]}", (record["MH"][0], *_turned(record["MH"][0]), *_usable(entries)))


def _mesh_xml(path: Path) -> Iterator[Concept]:
    """Descriptor records one by one: the whole file does not fit into memory comfortably."""
    parsed = etree.iterparse(
        str(path), events=("end",), tag="DescriptorRecord", resolve_entities=False, no_network=True, load_dtd=False
    )
    for _, record in parsed:
        code, name = record.findtext("DescriptorUI"), record.findtext("DescriptorName/String")
        trees = [tree.text or "" for tree in record.iterfind("TreeNumberList/TreeNumber")]
        if code and name and _is_illness(trees):
            terms = (term.text or "" for term in record.iterfind("ConceptList/Concept/TermList/Term/String"))
            yield Concept(f"MeSH:{code}", (name, *_turned(name), *_usable(terms)))
        record.clear()
        holder = record.getparent()
        while holder is not None and record.getprevious() is not None:
            del holder[0]


def _is_illness(trees: list[str]) -> bool:
    return not trees or any(tree.startswith(_ILLNESSES) for tree in trees)


def _turned(name: str) -> tuple[str, ...]:
    """The spoken order of an inverted heading: "Diabetes Mellitus, Type 2" as "Type 2 Diabetes Mellitus"."""
    parts = [part.strip() for part in name.split(",")]
    return (f"{parts[1]} {parts[0]}",) if len(parts) == 2 else ()


def _usable(names: Iterator[str]) -> Iterator[str]:
    for name in names:
        if name.strip() and len(name) <= LONGEST_NAME:
            yield name.strip()
            yield from _turned(name)


def _table(path: Path, what: str) -> Iterator[Concept]:
    """Rows of id and name; several rows with one id are names of one concept, the first the preferred one."""
    text = path.read_text(encoding="utf-8-sig")
    header = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = {(name or "").strip().casefold(): name for name in rows.fieldnames or ()}
    id_column = next((columns[name] for name in ("id", "rxcui", "identifier") if name in columns), None)
    name_column = next((columns[name] for name in ("name", "ingredient", "term") if name in columns), None)
    if id_column is None or name_column is None:
        raise SettingsError(
            f"{what} {path}: expected RXNCONSO.RRF, MeSH descriptors, or a table with the columns id and name, "
            f"got the columns {', '.join(columns)[:80] or 'none'}"
        )
    default = "RxNorm" if "rxcui" in columns else ""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        code, name = (row[id_column] or "").strip(), (row[name_column] or "").strip()
        if not code or not name:
            raise SettingsError(f"{what} {path}, line {rows.line_num}: expected an id and a name, got only one of them")
        identifier = code if _PREFIXED.match(code) or not default else f"{default}:{code}"
        found[identifier].setdefault(name)
        for other in (row.get(columns.get("aliases", "")) or "").split("|"):
            if other.strip():
                found[identifier].setdefault(other.strip())
    for identifier, names in found.items():
        yield Concept(identifier, tuple(names))
