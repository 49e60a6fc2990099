"""The table of label sections: headings, codes, and what a label says changed recently."""

from __future__ import annotations

import csv
import io

import pytest

from connectors.labels import BY_LOINC, SECTIONS, field_for, field_for_heading, rank, read_recent_changes, title_of
from tests.connectors.recorded import recorded


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("2 DOSAGE AND ADMINISTRATION", "dosage_and_administration"),
        ("Dosage & Administration:", "dosage_and_administration"),
        ("2.1 Recommended Dosage in Adults", "dosage_and_administration"),
        ("5.3 Hepatotoxicity", "warnings_and_cautions"),
        ("4. Contraindications", "contraindications"),
        ("WARNING: SUICIDAL THOUGHTS", "boxed_warning"),
        ("Recent Major Changes", "recent_major_changes"),
        ("2 Methods", ""),
        ("19.1 Nothing", ""),
        ("Methods", ""),
        ("", ""),
    ],
)
def test_a_heading_finds_its_field(heading: str, field: str) -> None:
    assert field_for_heading(heading) == field


def test_codes_and_fields_lead_to_the_same_section() -> None:
    assert field_for("34068-7") == field_for("dosage_and_administration") == "dosage_and_administration"
    assert field_for("99999-9") == ""
    assert len(BY_LOINC) == len({s.field for s in SECTIONS}) == len(SECTIONS)


def test_unknown_fields_come_last_under_their_own_words() -> None:
    assert title_of("some_new_field") == "Some new field"
    assert rank("some_new_field") > rank("spl_product_data_elements") > rank("boxed_warning")


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (
            "RECENT MAJOR CHANGES Indications and Usage (1.1) 11/2026 Warnings and Precautions (5.1, 5.3) 05/2026",
            ("Indications and Usage (1.1) 11/2026", "Warnings and Precautions (5.1, 5.3) 05/2026"),
        ),
        ("Dosage and Administration (2.1) Removed 9 / 2026", ("Dosage and Administration (2.1) Removed 9 / 2026",)),
        (
            "- Contraindications (4), November 2026\n- Warnings (5)",
            ("Contraindications (4), November 2026", "Warnings (5)"),
        ),
        ("* 2.1 Women (11/2026)\n* 2.2 Men (2026-11-01)", ("2.1 Women (11/2026)", "2.2 Men (2026-11-01)")),
        ("Dosage and Administration (2.1)", ("Dosage and Administration (2.1)",)),
        ("", ()),
        ("11/2026", ()),
    ],
)
def test_recent_changes_are_told_apart(text: str, entries: tuple[str, ...]) -> None:
    assert read_recent_changes(text) == entries


def test_the_codes_are_those_of_the_service() -> None:
    rows = csv.reader(io.StringIO(recorded("openfda/fda_spl_sections.csv").decode("utf-8-sig")))
    published = {row[0].strip() for row in rows if row}
    assert set(BY_LOINC) <= published
