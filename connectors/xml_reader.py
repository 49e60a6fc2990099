"""Reads XML from outside without ever loading, expanding or fetching anything it names.

An external DOCTYPE is accepted and ignored (every PubMed reply has one); an internal subset, and with it every
entity declaration, is refused before the parser sees it.
"""

from __future__ import annotations

import re

from lxml import etree

from connectors.errors import SourceDriftedError

_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ENCODING = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS = {b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin-1", b"windows-1252"}
_DOCTYPE_END = re.compile(rb"""(?:"[^"]*"|'[^']*'|[^"'\[>])*([\[>])?""")
_BOM = b"\xef\xbb\xbf"


def read_xml(source: str, body: bytes, *, what: str) -> etree._Element:
    """The root element of ``body``.

    Raises:
        SourceDriftedError: not well-formed, an encoding that hides markup, or an internal DOCTYPE subset.
    """
    body = body.removeprefix(_BOM)
    reason = _refusal(body)
    if reason:
        raise SourceDriftedError(source, f"{what}: expected plain XML, got {reason}; look at where it came from")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        raise SourceDriftedError(
            source, f"{what}: expected well-formed XML, got something else{where}; look at where it came from"
        ) from None

    _spell_out_entities(root)
    return root


def _spell_out_entities(root: etree._Element) -> None:
    """Leave a reference to what an external DTD would define as the text that it is written with (``&alpha;``)."""
    for entity in list(root.iter(etree.Entity)):
        parent, before = entity.getparent(), entity.getprevious()
        written = f"{entity.text or ''}{entity.tail or ''}"
        if parent is None:
            continue
        if before is None:
            parent.text = f"{parent.text or ''}{written}"
        else:
            before.tail = f"{before.tail or ''}{written}"
        parent.remove(entity)


def element_text(element: etree._Element | None) -> str:
    """All text of an element and what it holds, inline markup dropped; ``""`` for None."""
    if element is None:
        return ""
    return "".join(str(piece) for piece in element.itertext())


def child_text(element: etree._Element, path: str) -> str:
    """Text of the first element at ``path``, on one line; ``""`` where there is none."""
    return " ".join(element_text(element.find(path)).split())


def local_name(element: etree._Element) -> str:
    """The tag without its namespace; ``""`` for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _refusal(body: bytes) -> str:
    """Why the parser must not see ``body``; ``""`` where it may."""
    if b"\x00" in body:
        return "NUL bytes"
    body = body.lstrip()
    declared = _ENCODING.match(body)
    if declared and declared.group(1).lower() not in _ENCODINGS:
        return "an encoding that is not read here"
    prolog = _PROLOG.match(body)
    start = prolog.end() if prolog else 0
    if body[start : start + 9].upper() != b"<!DOCTYPE":
        return ""
    end = _DOCTYPE_END.match(body, start + 9)
    if end is None or end.group(1) != b">":
        return "a DOCTYPE with declarations of its own"
    return ""
