"""The wall: whatever the rules propose passes, and a candidate corrupted in any one way does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflow.intake.made_intake import changed
from workflow.intake.extractor import ChangedSentence, DocumentChanges
from workflow.intake.normalise import AliasTable, normalise, product_names
from workflow.intake.questions import write
from workflow.intake.rule_facts import Place
from workflow.intake.rules import RulesExtractor, read_facts
from workflow.intake.wall import NoticeStanding, check, ground, judge, locate
from workflow.records import Candidate, ChangeKind

DRUGS = st.sampled_from(["corvandine", "Corvanex", "the tablets", ""])
PEOPLE = st.sampled_from(["", " for women", " in adults", " in patients with renal impairment", " for children"])
AMOUNTS = st.sampled_from(["5 mg", "2.5 mg", "10 to 20 mg", "either 5 or 10 mg", "0.5 mg/kg", "1,000 mg", "one tablet"])
TIMES = st.sampled_from(["once daily", "twice daily", "every 6 hours", "at bedtime", "daily"])


@st.composite
def dose_sentences(draw: st.DrawFn) -> str:
    drug, people, amount, times = draw(DRUGS), draw(PEOPLE), draw(AMOUNTS), draw(TIMES)
    of = f" of {drug}" if drug and drug != "the tablets" else ""
    forms = [
        f"The recommended starting dose{of}{people} is {amount} {times}.",
        f"The maximum daily dose{of}{people} is {amount}.",
        f"Take {amount} {times}.",
        f"The dose{of} should not exceed {amount} per day.",
        f"Recommended dose: {amount} {times}",
    ]
    return draw(st.sampled_from(forms))


LABEL_SENTENCES = st.sampled_from(
    [
        "Corvandine is contraindicated in patients with severe asthma.",
        "Corvanex must not be used with clarithromycin.",
        "Avoid concomitant use with strong CYP3A4 inhibitors.",
        "Corvandine is indicated for the treatment of insomnia.",
        "The first-line treatment for acute gout flare is uricolene (PMID 1).",
        "Corvandine should not be used during pregnancy.",
        "WARNING: LACTIC ACIDOSIS",
        "Do not use corvandine in patients with heart failure.",
    ]
)
OLD = "The recommended starting dose of corvandine for women is 99 mg once daily."


def desk(change: ChangedSentence) -> tuple[dict[str, str], dict[str, NoticeStanding]]:
    notices = [change.notice, *([change.previous] if change.previous else [])]
    texts = {notice.document_id: notice.text for notice in notices}
    standings = {
        notice.notice_id: NoticeStanding(
            notice.document_id, notice.start, notice.end, notice is change.notice, product_names(notice)
        )
        for notice in notices
    }
    return texts, standings


def candidates(change: ChangedSentence) -> list[Candidate]:
    table = AliasTable.of([change.notice.names])
    proposals = RulesExtractor().propose(DocumentChanges(change.notice.document_id, (change,)))
    return [
        write(normalise(proposal, table, change.notice.names), ["hydrazepam"])
        for proposal in proposals
        if isinstance(proposal, Candidate)
    ]


@given(st.one_of(dose_sentences(), LABEL_SENTENCES))
@settings(max_examples=200, deadline=None)
def test_whatever_the_rules_propose_passes(sentence: str) -> None:
    change = changed(sentence, OLD)
    found = candidates(change)
    assert found
    for candidate in found:
        assert check(candidate, *desk(change)) == ()


def good() -> tuple[Candidate, ChangedSentence]:
    new = "The recommended starting dose of corvandine for women is 5 mg once daily."
    change = changed(new, OLD)
    (candidate,) = candidates(change)
    assert candidate.object_old == "99 mg once daily"
    return candidate, change


def with_claim(candidate: Candidate, **fields: object) -> Candidate:
    claim, *rest = candidate.evidence
    return candidate.model_copy(update={"evidence": (claim.model_copy(update=fields), *rest)})


CORRUPTIONS: dict[str, Callable[[Candidate], Candidate]] = {
    "one token of the quote": lambda c: with_claim(c, quote=c.evidence[0].quote.replace("women", "men")),
    "a dropped token": lambda c: with_claim(c, quote=c.evidence[0].quote.replace("starting ", "")),
    "number x 10": lambda c: c.model_copy(update={"object_new": "50 mg once daily"}),
    "number / 10": lambda c: c.model_copy(update={"object_new": "0.5 mg once daily"}),
    "mg to mcg": lambda c: c.model_copy(update={"object_new": "5 mcg once daily"}),
    "mg to g": lambda c: c.model_copy(update={"object_new": "5 g once daily"}),
    "other frequency": lambda c: c.model_copy(update={"object_new": "5 mg twice daily"}),
    "no unit": lambda c: c.model_copy(update={"object_new": "5 once daily"}),
    "empty object": lambda c: c.model_copy(update={"object_new": " "}),
    "offsets shifted by one": lambda c: with_claim(c, start=c.evidence[0].start + 1, end=c.evidence[0].end + 1),
    "offsets shortened": lambda c: with_claim(c, end=c.evidence[0].end - 3, quote=c.evidence[0].quote[:-3]),
    "offsets outside": lambda c: with_claim(c, end=c.evidence[0].end + 10_000),
    "offsets reversed": lambda c: with_claim(c, start=c.evidence[0].end, end=c.evidence[0].start),
    "another document": lambda c: with_claim(c, document_id="d-1"),
    "an unknown document": lambda c: with_claim(c, document_id="d-9"),
    "an unknown notice": lambda c: with_claim(c, notice_id="n-9"),
    "a stale version": lambda c: with_claim(
        c, notice_id="n-1", document_id="d-1", quote=c.evidence[1].quote, start=0, end=len(c.evidence[1].quote)
    ),
    "new equals old": lambda c: c.model_copy(update={"object_old": "5 MG once daily"}),
    "an old object that nobody said": lambda c: c.model_copy(update={"object_old": "77 mg"}),
    "another subject": lambda c: c.model_copy(update={"subject": "warfarin", "aliases": ()}),
    "subject and object swapped": lambda c: c.model_copy(update={"subject": c.object_new, "object_new": c.subject}),
    "population changed": lambda c: c.model_copy(update={"qualifiers": {"population": "children"}}),
    "an open relation": lambda c: c.model_copy(update={"relation": "cures"}),
    "no evidence": lambda c: c.model_copy(update={"evidence": ()}),
    "only the old evidence": lambda c: c.model_copy(update={"evidence": c.evidence[1:]}),
    "an unknown role": lambda c: with_claim(c, role="hearsay"),
    "a retraction from nowhere": lambda c: with_claim(c, role="retraction"),
    "a question that answers itself": lambda c: c.model_copy(update={"question": "Is it 5 mg once daily for women?"}),
    "a question without its population": lambda c: c.model_copy(update={"question": "What is the dose of corvandine?"}),
}


FOR_A_PERSON: dict[str, Callable[[Candidate], Candidate]] = {
    "population dropped": lambda c: c.model_copy(
        update={"qualifiers": {"dose": "starting"}, "question": "What is the starting dose of corvandine?"}
    ),
    "a relation that it does not say": lambda c: c.model_copy(update={"relation": "max_daily_dose"}),
}


@pytest.mark.parametrize("name", FOR_A_PERSON)
def test_a_candidate_whose_meaning_is_another_goes_to_a_person(name: str) -> None:
    candidate, change = good()
    assert judge(candidate, *desk(change)).admitted
    assert judge(FOR_A_PERSON[name](candidate), *desk(change)).attention != ()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_candidate_is_refused(name: str) -> None:
    candidate, change = good()
    assert check(candidate, *desk(change)) == ()
    assert check(CORRUPTIONS[name](candidate), *desk(change)) != ()


@given(st.integers(0, 72), st.characters(min_codepoint=33, max_codepoint=126))
@settings(max_examples=200, deadline=None)
def test_any_other_character_in_a_quote_is_refused(at: int, character: str) -> None:
    candidate, change = good()
    quote = candidate.evidence[0].quote
    changed_quote = quote[:at] + character + quote[at + 1 :]
    if changed_quote != quote:
        assert check(with_claim(candidate, quote=changed_quote), *desk(change)) != ()


def test_white_space_and_composition_are_the_only_freedom() -> None:
    candidate, change = good()
    assert check(with_claim(candidate, quote=candidate.evidence[0].quote.replace(" ", "\n  ")), *desk(change)) == ()


def test_a_notice_that_is_no_longer_the_newest_is_refused() -> None:
    candidate, change = good()
    texts, standings = desk(change)
    standings["n-2"] = replace(standings["n-2"], is_newest=False)
    assert check(candidate, texts, standings) == ("the source has a newer version than the one quoted",)


def ruling_of(sentence: str, relation: str, value: str, **qualifiers: str) -> str:
    change = changed(sentence)
    candidate, _ = good()
    forged = candidate.model_copy(
        update={
            "relation": relation,
            "object_new": value,
            "object_old": None,
            "qualifiers": qualifiers,
            "question": "",
            "paraphrases": (),
            "near_misses": (),
        }
    )
    quote = {"quote": sentence, "start": 0, "end": len(sentence)}
    forged = with_claim(forged.model_copy(update={"evidence": forged.evidence[:1]}), **quote)
    return ground(forged, *desk(change)).outcome


@pytest.mark.parametrize(
    ("sentence", "relation", "value"),
    [
        ("Corvandine is not contraindicated in patients with asthma.", "contraindicated_in", "patients with asthma"),
        ("It is not known whether corvandine is contraindicated in asthma.", "contraindicated_in", "asthma"),
        ("The dose of 5 mg once daily of corvandine has not been studied.", "recommended_dose", "5 mg once daily"),
        ("Corvandine 5 mg once daily is not recommended.", "recommended_dose", "5 mg once daily"),
        ("No interaction of corvandine with warfarin was observed.", "interacts_with", "warfarin"),
        ("Asthma is contraindicated in corvandine.", "contraindicated_in", "asthma"),
        ("Corvandine 2.5 mg once daily is recommended.", "recommended_dose", "5 mg once daily"),
    ],
)
def test_a_turned_or_cut_statement_is_refused(sentence: str, relation: str, value: str) -> None:
    assert ruling_of(sentence, relation, value) == "refused"


@pytest.mark.parametrize(
    ("sentence", "relation", "value"),
    [
        ("Corvandine is contraindicated in asthma unless it is mild.", "contraindicated_in", "asthma"),
        ("Corvandine is recommended at 5 mg once daily in adults.", "recommended_dose", "5 mg once daily"),
        ("Doses of corvandine greater than 5 mg daily are not recommended.", "recommended_dose", "5 mg daily"),
        ("The dose of 10 mg may be reduced to 5 mg where 10 mg was not tolerated.", "recommended_dose", "5 mg"),
        ("The starting dose of corvandine is 5 mg daily.", "max_daily_dose", "5 mg daily"),
        ("Take 5 mg of corvandine with 20 mg of sundrazole.", "recommended_dose", "20 mg"),
    ],
)
def test_a_statement_that_may_be_turned_or_narrowed_goes_to_a_person(sentence: str, relation: str, value: str) -> None:
    assert ruling_of(sentence, relation, value) == "attention"


def test_a_highest_dose_may_be_told_as_one_not_to_exceed() -> None:
    sentence = "The dose of corvandine should not exceed 40 mg and monitoring is recommended."
    assert ruling_of(sentence, "recommended_dose", "40 mg", dose="maximum") == "admitted"
    assert ruling_of(sentence, "recommended_dose", "40 mg") == "attention"


def test_evidence_is_taken_back_only_by_an_asserted_retraction() -> None:
    candidate, change = good()
    forged = candidate.model_copy(
        update={
            "relation": "evidence_for",
            "object_new": "not supported: the trial was retracted",
            "change_kind": ChangeKind.RETRACTED,
            "qualifiers": {"outcome": "dose", "population": "women"},
        }
    )
    roles = (
        candidate.evidence[0].model_copy(update={"role": "previous"}),
        candidate.evidence[0].model_copy(update={"role": "retraction"}),
    )
    assert "no source asserts that the quoted work was retracted" in check(
        forged.model_copy(update={"evidence": roles}), *desk(change)
    )


JUMBLE = (
    "the recommended dose of corvandine is 5 mg 10 or to for in women ( ) , ; . : | adults once daily not exceed take"
    " if with contraindicated patients warning every 6 hours maximum should be avoid use treat - 2.5 mL/min /day"
)
WORDS = st.sampled_from(JUMBLE.split())


@given(st.lists(WORDS, max_size=60).map(" ".join))
@settings(max_examples=400, deadline=2000)
def test_the_rules_read_any_jumble_without_failing_and_quote_it_exactly(sentence: str) -> None:
    for fact in read_facts(sentence, Place()):
        assert sentence[fact.value.start : fact.value.end] == fact.value.text


TEXT = "A tablet a day. The dose is 5 mg. The dose is 5 mg. Naïve  patients\ntake 2.5 mg."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("A tablet a day.", (0, 15)),
        ("Nai\u0308ve patients take 2.5 mg.", (52, len(TEXT))),
        ("The dose is 5 mg.", "the quote is found twice in the text"),
        ("The dose is 50 mg.", "the quote is not found in the text"),
        ("5 mg. The dose", (28, 42)),
        ("ablet a day", "the quote is not found in the text"),
        ("  ", "the quote is empty"),
    ],
)
def test_a_quote_is_found_as_it_stands_or_refused(quote: str, found: tuple[int, int] | str) -> None:
    assert locate(quote, TEXT, within=None) == found


def test_a_quote_that_stands_twice_is_found_within_its_change() -> None:
    assert locate("The dose is 5 mg.", TEXT, within=(33, 60)) == (34, 51)
