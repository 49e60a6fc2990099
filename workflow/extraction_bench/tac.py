"""TAC 2017: adverse reactions in real label text, some denied, some hypothetical. MedDRA codes are never read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from connectors.errors import SourceDriftedError
from connectors.xml_reader import read_xml
from workflow.errors import UsageError
from workflow.extraction_bench.gold import Case, Item
from workflow.intake.sentences import split


def read_tac(data: Path) -> Iterator[Case]:
    """Read a label, or every label of a folder: one case for each section."""
    paths = [data] if data.is_file() else sorted(data.glob("*.xml"))
    if not paths:
        raise UsageError(f"--data {data}: expected XML files in it, got none")
    for path in paths:
        yield from _label(path)


def _label(path: Path) -> Iterator[Case]:
    try:
        root = read_xml("--data", path.read_bytes(), what=path.name)
    except SourceDriftedError as error:
        raise UsageError(str(error)) from error
    drug = root.get("drug") or ""
    if root.tag != "Label" or not drug:
        raise UsageError(f"--data {path}: expected a Label with its drug, got another root")
    related = {
        (relation.get("type") or "", relation.get("arg1") or "") for relation in root.iterfind("Relations/Relation")
    }
    for section in root.iterfind("Text/Section"):
        text = section.text or ""
        mentions = [m for m in root.iterfind("Mentions/Mention") if m.get("section") == section.get("id")]
        items = tuple(
            Item(
                drug,
                mention.get("str") or "",
                denied=("Negated", mention.get("id") or "") in related,
                hedged=("Hypothetical", mention.get("id") or "") in related,
                span=_span(mention),
            )
            for mention in mentions
            if mention.get("type") == "AdverseReaction"
        )
        sentences = tuple((s.start, s.end) for s in split(text, 0, len(text)))
        yield Case(f"{path.stem}-{section.get('id')}", path.stem, text, sentences, items, product=(drug,))


def _span(mention: etree._Element) -> tuple[int, int]:
    """From the first to the last piece of a mention; most have one."""
    starts = [int(start) for start in (mention.get("start") or "0").split(",")]
    lengths = [int(length) for length in (mention.get("len") or "0").split(",")]
    return starts[0], starts[-1] + lengths[-1]
