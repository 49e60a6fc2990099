"""Two releases of the Task Force's file with own recommendations: grade, interval and first age as a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.document_text import DocumentText
from connectors.notice import Delivery, Document
from connectors.uspstf_topics import TopicFile
from tests.workflow.intake.made_intake import IntakeSite, MemorySource
from workflow.records import CandidateState, ObjectOrigin

Row = tuple[int, str, str]


def release(*rows: Row) -> Delivery:
    """The file with one topic; each row is id, grade, text."""
    body = {
        "generalRecommendations": {
            "7": {"title": "Screening for Gout", "uspstfAlias": "gout-screening", "pubDate": ""}
        },
        "grades": {"B": ["The USPSTF recommends the service."], "C": ["Offer selectively."], "D": ["Discourage."]},
        "specificRecommendations": [
            {
                "id": number,
                "title": f"Gout: Screening -- group {number}",
                "grade": grade,
                "gender": "men and women",
                "ageRange": [18, 100],
                "text": f"<p>{text}</p>",
                "general": "7",
            }
            for number, grade, text in rows
        ],
    }
    text = DocumentText()
    notices, flaws = TopicFile.read("uspstf", body).notices(text)
    assert not flaws
    document = Document(
        origin="https://example.org/uspstf",
        media_type="application/json",
        raw=repr(rows).encode(),
        text=text.text,
        extractor="uspstf-json/1",
        fetched_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    return Delivery(document, notices)


OLD = (
    (1, "B", "The USPSTF recommends screening for gout every 3 years in adults aged 50 to 75 years."),
    (2, "C", "The USPSTF recommends screening for gout in adults older than 75 years."),
)


def nights(site: IntakeSite, *releases: tuple[Row, ...]) -> list[tuple[str, str, str | None]]:
    for rows in releases:
        site.night(MemorySource([release(*rows)], name="uspstf"))
    return [(c.relation, c.object_new, c.object_old) for c in site.proposed()]


def test_the_same_release_again_says_nothing(site: IntakeSite) -> None:
    assert nights(site, OLD, OLD) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ((OLD[0], (2, "D", OLD[1][2])), [("recommended_for", "Grade D", "Grade C")]),
        (
            ((1, "B", OLD[0][2].replace("every 3 years", "every 2 years")), OLD[1]),
            [("screening_interval", "every 2 years", "every 3 years")],
        ),
    ],
)
def test_a_changed_cell_is_one_proposal_with_what_stood_there(
    site: IntakeSite, new: tuple[Row, ...], expected: list[tuple[str, str, str]]
) -> None:
    assert nights(site, OLD, new) == expected
    (candidate,) = site.proposed()
    assert candidate.object_old_origin is ObjectOrigin.PREVIOUS_VERSION
    assert {piece.role for piece in candidate.evidence} == {"claim", "previous"}
    assert "in adults" in candidate.evidence[0].quote
    assert "Grade" in candidate.evidence[0].quote


def test_a_lower_first_age_is_told_as_the_start_of_screening(site: IntakeSite) -> None:
    younger = (3, "B", "The USPSTF recommends screening for gout in adults aged 45 to 49 years.")
    found = nights(site, OLD, (*OLD, younger))
    assert ("screening_start_age", "aged 45", "aged 50") in found
    assert ("recommended_for", "Grade B", None) in found
    assert not site.queue(CandidateState.REFUSED)


def test_a_recommendation_against_starts_no_screening(site: IntakeSite) -> None:
    against = (3, "D", "The USPSTF recommends against screening for gout in adults aged 18 to 49 years.")
    assert nights(site, OLD, (*OLD, against)) == [("recommended_for", "Grade D", None)]


def test_two_intervals_in_one_recommendation_are_left_to_people(site: IntakeSite) -> None:
    both = (1, "B", OLD[0][2].replace("every 3 years", "every 2 years or every 5 years"))
    assert nights(site, OLD, (both, OLD[1])) == []
