"""HTML as a reader sees it: visible text in blocks, and the hidden text beside it with the reason.

Judges inline styles, simple rules of ``<style>`` (``tag``, ``.class``, ``#id``, ``tag.class``) and the attributes of
old pages. It never runs a script, loads anything, or lets hidden text into the visible.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

import lxml.html
from lxml import etree

from connectors.html_styles import Look, StyleRules
from connectors.invisible import strip_invisible
from connectors.notice import HiddenText

_DROPPED = frozenset({"script", "style", "noscript", "template", "head", "title", "iframe", "object", "embed", "svg"})
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
        "br",
    }
)
_HEADING = re.compile(r"h([1-6])")
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WEB_NAMES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}


@dataclass(frozen=True)
class Block:
    """One line of visible text; ``level`` is 1-6 for a heading, 0 for anything else."""

    text: str
    level: int = 0


@dataclass(frozen=True)
class VisiblePage:
    """What a page shows, what it hides, and what went wrong in reading it."""

    title: str
    blocks: tuple[Block, ...]
    hidden: tuple[HiddenText, ...]
    flaws: tuple[str, ...] = ()


def read_page(raw: bytes, *, charset: str = "") -> VisiblePage:
    """The visible blocks of an HTML page or fragment; ``charset`` is the one that the transport declared."""
    text, flaw = decode_html(raw, charset=charset)
    flaws = [flaw] if flaw else []
    text, hidden = strip_invisible(text)
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = lxml.html.document_fromstring(text.encode(), parser=parser) if text.strip() else None
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        root = None
        flaws.append("expected HTML, got nothing that can be shown")
    if root is None:
        return VisiblePage("", (), hidden, tuple(flaws))
    if any("depth" in entry.message.casefold() for entry in parser.error_log):
        flaws.append("nested too deeply: the rest of the page is not read")
    rules = StyleRules(root)
    if rules.cut:
        flaws.append("more style rules than are read: text may be hidden by one of the others")
    reader = _Reader(rules)
    reader.walk(root, Look())
    reader.end_block()
    title = " ".join("".join(str(t) for t in root.xpath("//title[1]//text()")).split())
    return VisiblePage(title, tuple(reader.blocks), (*hidden, *reader.hidden), tuple(flaws))


def decode_html(raw: bytes, *, charset: str = "") -> tuple[str, str]:
    """The text of the bytes, and a line where the declared charset does not fit them (then UTF-8, else cp1252)."""
    for bom, name in _BOMS:
        if raw.startswith(bom):
            return raw.decode(name, errors="replace"), ""
    match = _XML_DECLARED.match(raw[:200]) or _DECLARED.search(raw[:4096])
    declared = (charset or (match.group(1).decode("ascii") if match else "")).strip().lower()
    for name in (declared, "utf-8", "cp1252"):
        try:
            text = raw.decode(_WEB_NAMES.get(name, name)) if name else None
        except (LookupError, UnicodeError, ValueError):
            continue
        if text is not None:
            if declared and name != declared:
                return text, f"declared charset does not fit, read as {name}"
            return text, "" if declared or name == "utf-8" else f"no charset declared and not UTF-8, read as {name}"
    return raw.decode("latin-1"), "expected text, got bytes of no known charset"


@dataclass
class _Reader:
    """Walks the tree, gathers visible runs into blocks and hidden runs into ``hidden``."""

    rules: StyleRules
    blocks: list[Block] = field(default_factory=list)
    hidden: list[HiddenText] = field(default_factory=list)
    _run: list[str] = field(default_factory=list)
    _level: int = 0

    def walk(self, element: etree._Element, inherited: Look) -> None:
        """Visit an element and what it holds; its tail belongs to the parent's look."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _DROPPED:
            return
        look = self.rules.look(element, inherited)
        if look.gone:
            self._hide("".join(str(t) for t in element.itertext()), look.gone)
            return
        is_block = tag in _BLOCKS
        if is_block:
            self.end_block()
        heading = _HEADING.fullmatch(tag)
        if heading:
            self._level = int(heading.group(1))
        self._say(element.text, look)
        for child in element:
            self.walk(child, look)
            self._say(child.tail, look)
        if tag in ("td", "th"):
            self._run.append(" | ")
        if is_block:
            self.end_block()
        if heading:
            self._level = 0

    def end_block(self) -> None:
        """Close the line that is being gathered."""
        said, hidden = strip_invisible("".join(self._run))  # again: character references were resolved since
        self.hidden.extend(hidden)
        text = " ".join(said.split()).strip("| ").strip()
        self._run.clear()
        if text:
            self.blocks.append(Block(text, self._level))

    def _say(self, text: str | None, look: Look) -> None:
        if not text:
            return
        why = look.unseen
        if why and text.strip():
            self._hide(text, why)
        elif not why:
            self._run.append(text)

    def _hide(self, text: str, why: str) -> None:
        said = " ".join(text.split())
        if said:
            self.hidden.append(HiddenText(text=said, why=why))
