"""A label with a new dose laid into the drop folder, in every format it may come in, becomes one proposal."""

from __future__ import annotations

import json

import pytest

from connectors.dropfolder import DropFolderSource
from tests.workflow.intake.made_intake import IntakeSite
from workflow.records import Candidate

SENTENCE = "The recommended starting dose of metformin in adults is 850 mg once daily."


def spl(dose: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<document xmlns="urn:hl7-org:v3">
 <id root="11111111-0000-4000-8000-000000000001"/>
 <code code="34391-3" codeSystem="2.16.840.1.113883.6.1" displayName="HUMAN PRESCRIPTION DRUG LABEL"/>
 <title>Metformin tablets</title><effectiveTime value="20261101"/>
 <setId root="11111111-0000-4000-8000-000000000000"/><versionNumber value="{1 if dose == "850 mg" else 2}"/>
 <component><structuredBody><component><section>
  <code code="34068-7" codeSystem="2.16.840.1.113883.6.1"/><title>2 DOSAGE AND ADMINISTRATION</title>
  <text><paragraph>{SENTENCE.replace("850 mg", dose)}</paragraph></text>
 </section></component></structuredBody></component>
</document>"""


def openfda(dose: str) -> str:
    return json.dumps(
        {
            "set_id": "11111111-0000-4000-8000-000000000000",
            "version": "1" if dose == "850 mg" else "2",
            "effective_time": "20261101",
            "openfda": {"generic_name": ["METFORMIN HYDROCHLORIDE"], "brand_name": ["Glucophage"]},
            "dosage_and_administration": [
                f"2 DOSAGE AND ADMINISTRATION 2.1 Adult Dosage {SENTENCE.replace('850 mg', dose)} Take it with meals."
            ],
        }
    )


PAGE = """<!DOCTYPE html><html><head><title>Metformin</title></head><body><h1>Metformin</h1>
<h2>Dosage and administration</h2><p>{}</p></body></html>"""


@pytest.mark.parametrize("name", ["label.txt", "label.md", "label.html", "label.xml", "label.json", "headed.txt"])
def test_a_new_dose_in_any_format(site: IntakeSite, name: str) -> None:
    for dose in ("850 mg", "500 mg"):
        sentence = SENTENCE.replace("850 mg", dose)
        content = {
            "label.txt": sentence,
            "headed.txt": f"Product: metformin (Glucophage)\nKind: label\n\n2.1 Recommended dose\n{sentence}\n",
            "label.md": f"# Metformin\n\n## Dosage and administration\n\n{sentence}\n",
            "label.html": PAGE.format(sentence),
            "label.xml": spl(dose),
            "label.json": openfda(dose),
        }[name]
        (site.drop / name).write_text(content, encoding="utf-8")
        site.night(DropFolderSource(site.drop))
    (candidate,) = site.proposed()
    assert candidate.subject == "metformin"
    assert (candidate.object_old, candidate.object_new) == ("850 mg once daily", "500 mg once daily")
    assert candidate.qualifiers == {"dose": "starting", "population": "adults"}
    assert candidate.question == "What is the recommended starting dose of metformin for adults?"


def proposed(site: IntakeSite, old: str, new: str) -> list[Candidate]:
    for body in (old, new):
        (site.drop / "label.txt").write_text(
            f"Product: aspirin\nKind: label\n\nDOSAGE AND ADMINISTRATION\n\n{body}\n", encoding="utf-8"
        )
        site.night(DropFolderSource(site.drop))
    return site.proposed()


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("Take 10 mg once daily.", "Take 20 mg once daily.", "20 mg once daily"),
        ("Adults: 10 mg once daily", "Adults: 20 mg once daily", "20 mg once daily"),
        ("Usual dose: 75 mg daily", "Usual dose: 100 mg daily", "100 mg daily"),
        ("The dose should not exceed 4 g per day.", "The dose should not exceed 3 g per day.", "3 g per day"),
        ("10 mg once daily", "5 mg once daily", "5 mg once daily"),
        (
            "The usual dose is one tablet\ntwice daily.",
            "The usual dose is two tablets\ntwice daily.",
            "two tablets twice daily",
        ),
        ("1 tablet every 6 hours", "1 tablet every 8 hours", "1 tablet every 8 hours"),
    ],
)
def test_a_dose_without_the_drugs_name_is_the_products_own(site: IntakeSite, old: str, new: str, value: str) -> None:
    (candidate,) = proposed(site, old, new)
    assert candidate.subject == "aspirin"
    assert candidate.object_new == value
    assert any("own product" in flag for flag in candidate.flags)


def test_the_same_file_written_otherwise_is_no_news(site: IntakeSite) -> None:
    old = "Take 10 mg once daily.\n\nDo not crush the tablets, ever. Store them dry."
    new = "STORE THEM DRY.\n\n- Take  10 mg once daily\n\nDo not crush the tablets ever!"
    assert proposed(site, old, new) == []
    assert site.changes("waiting", "extracted") == []
