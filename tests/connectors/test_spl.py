"""SPL labels: sections with codes, nested sections, names; and the recorded labels."""

from __future__ import annotations

import pytest

from connectors.document_text import DocumentText
from connectors.notice import Identifier, Notice
from connectors.spl import is_spl, read_spl
from connectors.xml_reader import read_xml
from tests.connectors.recorded import recorded

SPL = """<?xml version="1.0" encoding="UTF-8"?>
<document xmlns="urn:hl7-org:v3"><id root="AA-1"/><code code="{code}"/><title>SLEEPWELL<br/>(corvandine)</title>
<effectiveTime value="20261101"/>{set_id}<versionNumber value="8"/><component><structuredBody>
<component><section><code code="48780-1"/><subject><manufacturedProduct><manufacturedProduct><name>Sleepwell</name>
<asEntityWithGeneric><genericMedicine><name>corvandine</name></genericMedicine></asEntityWithGeneric>
<ingredient classCode="ACTIB"><ingredientSubstance><code code="ZZ00000001" codeSystem="2.16.840.1.113883.4.9"/>
<name>CORVANDINE TARTRATE</name></ingredientSubstance></ingredient>
<ingredient classCode="IACT"><ingredientSubstance><code code="ZZ00000002" codeSystem="2.16.840.1.113883.4.9"/>
<name>STARCH</name></ingredientSubstance></ingredient></manufacturedProduct></manufacturedProduct></subject></section>
</component>
<component><section><code code="43683-2"/><title>RECENT MAJOR CHANGES</title><text><table><tbody>
<tr><td>Dosage and Administration (2.1)</td><td>11/2026</td></tr></tbody></table></text></section></component>
<component><section><code code="34068-7"/><title>2 DOSAGE AND ADMINISTRATION</title><text/>
<component><section><code code="42229-5"/><title>2.1 Women</title><text><paragraph>The dose is
  <content>5</content> mg.</paragraph><list><item>At bedtime</item></list></text></section></component>
</section></component></structuredBody></component></document>"""
SET_ID = '<setId root="1A2B"/>'


def read(raw: bytes) -> tuple[tuple[Notice, ...], tuple[str, ...], DocumentText]:
    text = DocumentText()
    root = read_xml("folder", raw, what="file")
    assert is_spl(root)
    notices, unreadable = read_spl("folder", root, text, digest="0123456789abcdef")
    return notices, unreadable, text


def test_a_label_is_read_with_its_codes() -> None:
    notices, unreadable, text = read(SPL.format(code="34391-3", set_id=SET_ID).encode())
    notice = notices[0]
    assert unreadable == ()
    assert (notice.key, notice.version) == ("set_id:1a2b", "8-20261101-0123456789ab")
    assert notice.title == "SLEEPWELL (corvandine)"
    assert notice.names == ("corvandine", "Sleepwell", "CORVANDINE TARTRATE")
    assert Identifier("unii", "ZZ00000001") in notice.identifiers
    assert Identifier("unii", "ZZ00000002") not in notice.identifiers
    found = [(s.code, s.title, text.text[s.start : s.end]) for s in notice.sections]
    assert found == [
        ("43683-2", "RECENT MAJOR CHANGES", "Dosage and Administration (2.1) | 11/2026"),
        ("34068-7", "2 DOSAGE AND ADMINISTRATION", ""),
        ("34068-7", "2.1 Women", "The dose is 5 mg.\nAt bedtime"),
    ]
    assert notice.recent_changes == ("Dosage and Administration (2.1) | 11/2026",)


@pytest.mark.parametrize(
    ("code", "set_id", "reason"), [("60685-5", SET_ID, "code 60685-5"), ("34391-3", "", "expected a setId")]
)
def test_what_is_no_label_is_a_line(code: str, set_id: str, reason: str) -> None:
    notices, unreadable, _ = read(SPL.format(code=code, set_id=set_id).encode())
    assert notices == ()
    assert reason in unreadable[0]


# --- recorded ----------------------------------------------------------------------------------------------


def test_recorded_label_of_many_sections() -> None:
    notices, _, text = read(recorded("dailymed_spl/fda_lipitor-orig.xml"))
    notice = notices[0]
    assert notice.key == "set_id:c6e131fe-e7df-4876-83f7-9156fc4e8228"
    assert notice.names[:2] == ("atorvastatin calcium", "Lipitor")
    by_title = {s.title: s for s in notice.sections}
    dosing = by_title["2.4 Concomitant Lipid-Lowering Therapy"]
    assert dosing.code == "34068-7"
    assert text.text[dosing.start : dosing.end].startswith("LIPITOR may be used with bile acid resins.")
    assert by_title["8.3 Nursing Mothers"].code == "34080-2"


def test_recorded_kit_names_its_ingredient_first() -> None:
    notices, _, _ = read(recorded("dailymed_spl/fda_humira.xml"))
    assert notices[0].names[0] == "Adalimumab"
    assert notices[0].sections[0].code == "34066-1"


def test_recorded_otc_label() -> None:
    notices, _, text = read(recorded("dailymed_spl/fda_cough.xml"))
    bodies = {s.code: text.text[s.start : s.end] for s in notices[0].sections}
    assert bodies["55106-9"].startswith("Diphenhydramine HCl 6.25 mg\nPhenylephrine HCl 2.5")


def test_recorded_index_file_is_no_label() -> None:
    notices, unreadable, _ = read(recorded("dailymed_spl/fda_pharmclass_METHOXSALEN.xml"))
    assert notices == ()
    assert len(unreadable) == 1
