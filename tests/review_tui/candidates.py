"""Candidates for the tests of the desk: a plain one, and a small morning's queue with one of everything."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from review_tui.protocol import (
    Action,
    CandidateState,
    CandidateView,
    CheckLine,
    EvidenceView,
    HistoryLine,
    MovedAnswer,
    RehearsalView,
    RehearsedAnswer,
    Risk,
)

NOW = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)


def quoted(before: str, quote: str, after: str, title: str, role: str = "claim") -> EvidenceView:
    """Make evidence with its quote between two pieces of context."""
    return EvidenceView(
        context=before + quote + after,
        quote_start=len(before),
        quote_end=len(before) + len(quote),
        role=role,
        section="2.1 Recommended dosage",
        source_title=title,
        source_date="2026-05-28",
        kind="label version",
        url="https://labels.example/spl/8",
    )


def candidate(number: int, *, risk: Risk = Risk.LOW, subject: str = "zolpidem", **fields: object) -> CandidateView:
    """Make a plain candidate; ``fields`` replace what a test is about."""
    new = str(fields.get("object_new", "5 mg"))
    context = (
        "Use the lowest effective dose for the patient.\n",
        f"The recommended initial dose is {new} for women",
        " and either 5 mg or 10 mg for men, taken only once per night\nimmediately before bedtime.",
    )
    view = CandidateView(
        candidate_id=f"c-{number:05d}",
        shown_sha256=hashlib.sha256(f"{number}".encode()).hexdigest(),
        state=CandidateState.PENDING,
        action=Action.EDIT,
        risk=risk,
        subject=subject,
        relation="recommended_dose",
        qualifiers=(("population", "women"), ("route", "oral"), ("form", "immediate release")),
        object_old="10 mg",
        object_old_origin="previous version",
        object_new="5 mg",
        question=f"What is the recommended initial dose of immediate-release {subject} for women?",
        paraphrases=(f"Which dose of {subject} should a woman start with?",),
        evidence=(quoted(*context, f"{subject} tablets, label version 8"),),
        rehearsal=RehearsalView(
            carrier="refined",
            answers=(
                RehearsedAnswer(f"What is the initial dose of {subject} for women?", "10 mg", "5 mg", takes=True),
                RehearsedAnswer(f"Which dose of {subject} for a woman?", "10 mg", "5 mg", takes=True),
            ),
            moves=(),
            already_says=False,
            takes=True,
            near_misses_asked=6,
        ),
        flags=(),
        conflicts=(),
        history=(HistoryLine(NOW, "night run", "proposed", "label version 8 against 7"),),
        required_signatures=2 if risk is Risk.HIGH else 1,
        signed_by=(),
        extractor="rules/1",
        change_kind="revised",
        withdraws=None,
        mark=None,
        checks=(
            CheckLine("wall", True, "quote, number and unit stand in the source"),
            CheckLine("entailment", None, "not run"),
        ),
    )
    return replace(view, **fields)  # type: ignore[arg-type]  # a test names the fields


def demo_candidates(count: int = 12) -> list[CandidateView]:
    """Make a small morning's queue with one of everything."""
    drugs = ("zolpidem", "warfarin", "methotrexate", "amiodarone", "colchicine", "digoxin")
    views = [
        candidate(number, subject=drugs[number % len(drugs)], risk=Risk.HIGH if number % 3 == 0 else Risk.LOW)
        for number in range(count)
    ]
    views[0] = replace(
        views[0],
        flags=("The document holds 14 invisible characters after the quote.", "A sentence addresses the reviewer."),
        conflicts=("c-00004 proposes 7.5 mg for the same fact (label of another maker)",),
        evidence=(*views[0].evidence, quoted("Changes: ", "5 mg for women", ".", "Safety letter 2026-05", "claim")),
    )
    moved = MovedAnswer("What is the maximum dose of amiodarone?", "other_relation", "400 mg a day", "5 mg")
    rehearsal = views[3].rehearsal
    views[3] = replace(views[3], rehearsal=replace(rehearsal, moves=(moved,)) if rehearsal else None)
    views[5] = replace(
        views[5],
        action=Action.WITHDRAW,
        change_kind="retracted",
        relation="evidence_for",
        qualifiers=(("outcome", "mortality"), ("population", "heart failure")),
        object_old="halves mortality (PMID 111)",
        object_new="not supported: the trial was retracted",
        withdraws="e-17: digoxin halves mortality in heart failure (release 9)",
        evidence=(
            quoted("Retraction of PMID 111. ", "This article has been retracted", " by the journal.", "Retraction"),
        ),
    )
    return views
