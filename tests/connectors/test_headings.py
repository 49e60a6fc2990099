"""Which lines of a text are headings."""

from __future__ import annotations

import pytest

from connectors.headings import read_outline


@pytest.mark.parametrize(
    "line",
    [
        "# Treatment",
        "### Treatment ###",
        "2.1 Recommended dosage",
        "2 Dosage and Administration",
        "2. DOSAGE",
        "WARNING: LIVER INJURY",
        "Drug Interactions",
        "4. Contraindications",
    ],
)
def test_headings(line: str) -> None:
    assert len(read_outline(f"{line}\nText.\n").headings) == 1


@pytest.mark.parametrize(
    "line",
    [
        "2.5 MG tablets exist",
        "2.5 Million people were seen.",
        "1. Swallow whole",
        "1. Take One Tablet Daily",
        "2.1 Women 11/2026",
        "FDA",
        "- ITEM IN A LIST",
        "A | TABLE ROW",
        "TAKE WITH FOOD.",
        "Contraindications in this trial were rare",
        "#hashtag",
        "Warning: do not take it with food.",
        "2.1 " + "Long " * 15,
        "10 mg daily",
    ],
)
def test_lines_that_are_no_headings(line: str) -> None:
    assert read_outline(f"{line}\nText.\n").headings == ()


def test_header_lines_are_no_headings_and_end_before_the_body() -> None:
    text = "Product: corvandine\nKIND: LABEL\n\nBody. Kind: guideline\n"
    outline = read_outline(text)
    assert outline.headers == {"product": "corvandine", "kind": "LABEL"}
    assert outline.headings == ()
    assert text[outline.body_start :].strip() == "Body. Kind: guideline"
