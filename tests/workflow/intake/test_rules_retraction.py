"""The claim of a retracted paper, and never its reverse."""

from __future__ import annotations

import pytest

from connectors.notice import NoticeKind, Section
from workflow.intake.extractor import ChangedSentence, NoticeText, Refused
from workflow.intake.rules_retraction import NO_CLAIM, read_claim, read_retraction
from workflow.records import Candidate, ChangeKind


@pytest.mark.parametrize(
    ("sentence", "subject", "effect", "population"),
    [
        (
            "Cardexil halved mortality in patients with heart failure.",
            "Cardexil",
            "reduce mortality",
            "patients with heart failure",
        ),
        (
            "Cardexil halves mortality in patients with heart failure: a randomised trial.",
            "Cardexil",
            "reduce mortality",
            "patients with heart failure",
        ),
        (
            "Overall, treatment with drug X significantly reduced the risk of stroke by 30% in patients with AF.",
            "drug X",
            "reduce the risk of stroke",
            "patients with AF",
        ),
        (
            "Statins attenuate vascular inflammation in adults with diabetes.",
            "Statins",
            "attenuate vascular inflammation",
            "adults with diabetes",
        ),
        (
            "These results show that vitamin D prevents fractures in older women.",
            "vitamin D",
            "prevent fractures",
            "older women",
        ),
        (
            "RETRACTED: Ivermectin improves survival in patients with COVID-19",
            "Ivermectin",
            "improve survival",
            "patients with COVID-19",
        ),
        (
            "X reduced mortality compared with placebo in patients with sepsis.",
            "X",
            "reduce mortality",
            "patients with sepsis",
        ),
        (
            "Ketamine increased remission among adults with depression (HR 1.5).",
            "Ketamine",
            "increase remission",
            "adults with depression",
        ),
    ],
)
def test_a_claim_is_read(sentence: str, subject: str, effect: str, population: str) -> None:
    claim = read_claim(sentence)
    assert claim is not None
    assert (claim.subject, claim.effect, claim.population) == (subject, effect, population)


@pytest.mark.parametrize(
    "sentence",
    [
        "X did not reduce mortality in patients with sepsis.",
        "X may reduce mortality in patients with sepsis.",
        "It reduced pain in adults.",
        "Mortality was lower in patients with sepsis.",
        "No drug reduced mortality in patients with sepsis.",
        "X reduced mortality.",
    ],
)
def test_what_is_no_claim_is_not_read(sentence: str) -> None:
    assert read_claim(sentence) is None


def paper(title: str, conclusion: str, *, kind: NoticeKind = NoticeKind.ARTICLE, number: int = 11) -> NoticeText:
    text = f"{title}\n\nCONCLUSIONS: {conclusion}"
    sections = (
        Section("title", "Title", 0, len(title)),
        Section("conclusions", "CONCLUSIONS", text.index(conclusion), len(text)),
    )
    return NoticeText(
        notice_id=f"n-{number}",
        document_id=f"d-{number}",
        source="pubmed",
        kind=kind,
        key=f"pmid:{number}",
        version="1",
        title=title,
        start=0,
        end=len(text),
        text=text,
        sections=sections,
        identifiers=(("pmid", str(number)),),
    )


def retracted(target: NoticeText | None, notice: NoticeText) -> list[Candidate | Refused]:
    change = ChangedSentence("g-1", ChangeKind.RETRACTED, notice, target=target)
    return list(read_retraction(change, "rules/1"))


def test_the_candidate_takes_the_claim_back_and_says_nothing_else() -> None:
    target = paper("Cardexil halves mortality in patients with heart failure: a trial.", "Use it.")
    notice = paper(
        "Retraction: Cardexil halves mortality.", "The data are gone.", kind=NoticeKind.RETRACTION_NOTICE, number=12
    )
    (candidate,) = retracted(target, notice)
    assert isinstance(candidate, Candidate)
    assert candidate.question == "Does cardexil reduce mortality in patients with heart failure?"
    assert candidate.object_old == "halves mortality (PMID 11)"
    assert candidate.object_new == "not supported: the trial was retracted"
    assert candidate.qualifiers == {"outcome": "mortality", "population": "patients with heart failure"}
    assert {"halves mortality", "reduces mortality"} <= set(candidate.must_not_assert)
    assert [(piece.role, piece.notice_id) for piece in candidate.evidence] == [
        ("previous", "n-11"),
        ("retraction", "n-12"),
    ]


def test_one_claim_in_title_and_conclusion_is_one_candidate() -> None:
    target = paper("X halves mortality in adults", "X halved mortality in adults.")
    assert len(retracted(target, paper("Retraction notice", "It is retracted.", number=12))) == 1


def test_without_a_claim_or_without_the_paper_there_is_no_candidate() -> None:
    notice = paper("Retraction notice", "It is retracted.", number=12)
    (refused,) = retracted(paper("A survey of sleep", "Sleep was poor."), notice)
    assert isinstance(refused, Refused)
    assert refused.reason == NO_CLAIM
    (unknown,) = retracted(None, notice)
    assert isinstance(unknown, Refused)


@pytest.mark.parametrize(
    "sentence",
    [
        "There was an increased incidence of fever in patients with asthma.",
        "The finding of a reduced immune response, particularly in the elderly, needs study.",
        "Plasma fibrinogen decreased significantly in the magnesium group.",
        "The prevalence increases with age and is up to 28% in adolescents.",
        "Obesity and overweight has increased significantly in recent years.",
        "Effects of prolonged running in the heat on saliva are small.",
        "A significant increase in frequency was found in both groups.",
    ],
)
def test_a_measure_that_moved_by_itself_is_no_claim(sentence: str) -> None:
    assert read_claim(sentence) is None
