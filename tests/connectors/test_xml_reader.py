"""XML from outside: what is refused, and how fast."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from connectors.errors import SourceDriftedError
from connectors.xml_reader import element_text, read_xml

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)
BOMBS = {
    "billion laughs": f"{LAUGHS}]><x>&j;</x>".encode(),
    "quadratic": b'<!DOCTYPE x [<!ENTITY a "' + b"A" * 100_000 + b'">]><x>' + b"&a;" * 10_000 + b"</x>",
    "external file": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "parameter entity": b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><x/>',
    "quoted bracket": b'<!DOCTYPE x SYSTEM "a]>" [<!ENTITY a "b">]><x>&a;</x>',
    "unclosed doctype": b'<!DOCTYPE x SYSTEM "a><x/>',
    "comment first": b'<!-- c --><?pi x?>\n<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
    "deep": b"<a>" * 1_000_000,
    "deep and closed": b"<a>" * 100_000 + b"</a>" * 100_000,
    "utf-16": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"),
    "utf-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<x/>',
    "many prologs": b"<!-- -->" * 200_000 + b"x",
    "open comments": b"<!--" * 200_000,
    "entity unknown": b"<x>&nobody;</x>",
    "nothing": b"",
    "html": b"<html><br></html>",
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_xml_is_refused_quickly(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(SourceDriftedError) as caught:
        read_xml("test", BOMBS[name], what="efetch")
    assert time.monotonic() - started < 30  # unfolded, a bomb takes minutes or all memory
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?>\n<!DOCTYPE x PUBLIC "-//NLM//DTD//EN" "https://dtd.nlm.nih.gov/x.dtd">\n<x>ok</x>',
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><?style href="a"?><x>ok</x>',
        b"\n  <x>ok</x>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><x>ok</x>',
        b"<!doctype x><x>ok</x>".replace(b"doctype", b"DOCTYPE"),
    ],
    ids=range(5),
)
def test_an_external_doctype_is_accepted_and_never_loaded(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert element_text(read_xml("test", body, what="efetch")) == "ok"


def test_text_that_speaks_of_declarations_is_fine() -> None:
    root = read_xml("test", b"<x><![CDATA[<!DOCTYPE y [<!ENTITY a 'b'>]>]]></x>", what="efetch")
    assert element_text(root).startswith("<!DOCTYPE")


def test_inline_markup_and_mathml_are_flattened() -> None:
    body = b"<t>E<sub>2</sub> <m:math xmlns:m='urn:m'><m:mi>x</m:mi></m:math><!-- no --> y<?no pi?></t>"
    assert element_text(read_xml("test", body, what="efetch")) == "E2 x y"
    assert isinstance(read_xml("test", body, what="efetch"), etree._Element)


def test_an_entity_that_only_the_doctype_would_define_stays_as_it_is_written() -> None:
    body = b'<!DOCTYPE t SYSTEM "https://x.example/t.dtd"><t>5 &micro;g<b/>&le;&ge; a<c>&amp;&_;</c></t>'
    root = read_xml("test", body, what="efetch")
    assert element_text(root) == "5 &micro;g&le;&ge; a&&_;"
    assert etree.tostring(root, method="c14n2")
