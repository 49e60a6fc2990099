"""Items of a list: each is asked about by name, answered in its source's own word, under the key that it always had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.intake.made_intake import IntakeSite, MemorySource, delivered
from tests.workflow.intake.test_night import promote
from workflow.engine_seam import make_edit
from workflow.intake.list_facts import ask_by_item, word_of_the_source
from workflow.intake.list_wordings import ASKED_BY_ITEM
from workflow.intake.questions import problems, write
from workflow.intake.queue_entry import Entry, enter
from workflow.ledger.fixing import insert_candidate
from workflow.records import (
    LIST_RELATIONS,
    Candidate,
    CandidateState,
    Certainty,
    ChangeKind,
    Evidence,
    NearMissKind,
    Risk,
)


def read(
    relation: str, said: str, quote: str, *, section: str = "", certainty: str = "definite", **qualifiers: str
) -> Candidate:
    """A fact as a lane reads it: the item is the object."""
    claim = Evidence(
        document_id="d", notice_id="n", role="claim", quote=quote, start=0, end=len(quote), section=section
    )
    return Candidate(
        subject="corvandine",
        relation=relation,
        qualifiers=qualifiers,
        object_new=said,
        question="",
        evidence=(claim,),
        change_kind=ChangeKind.NEW,
        risk=Risk.HIGH,
        certainty=Certainty(certainty),
        extractor="rules/1",
    )


def asked(candidate: Candidate) -> Candidate:
    return write(ask_by_item(candidate), ["tavorine", "melistat", "uricolene"])


ROWS = [
    (
        read("contraindicated_in", "severe asthma", "Corvandine is contraindicated in severe asthma."),
        "May corvandine be used in severe asthma?",
        "contraindicated in severe asthma",
    ),
    (
        read("contraindicated_in", "women", "Corvandine should not be used in women.", section="Contraindications"),
        "May corvandine be used in women?",
        "should not be used in women",
    ),
    (
        read("contraindicated_in", "women", "Do not use corvandine in women."),
        "May corvandine be used in women?",
        "must not be used in women",
    ),
    (
        read("contraindicated_in", "severe asthma", "Severe asthma", section="4 CONTRAINDICATIONS"),
        "May corvandine be used in severe asthma?",
        "contraindicated in severe asthma",
    ),
    (
        read("contraindicated_in", "the patient has gout", "It is contraindicated when the patient has gout."),
        "May corvandine be used if the patient has gout?",
        "contraindicated if the patient has gout",
    ),
    (
        read(
            "contraindicated_with", "MAO inhibitors", "It is contraindicated with MAO inhibitors.", population="women"
        ),
        "May corvandine be given together with MAO inhibitors in women?",
        "contraindicated with MAO inhibitors",
    ),
    (
        read("interacts_with", "verapamil", "Avoid use of corvandine with verapamil."),
        "Should corvandine be combined with verapamil?",
        "to be avoided with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Corvandine must not be combined with verapamil; avoid dust."),
        "Should corvandine be combined with verapamil?",
        "must not be combined with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Use with verapamil is not recommended."),
        "Should corvandine be combined with verapamil?",
        "not recommended with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Use caution with verapamil, avoid dust.", advice="caution"),
        "Is caution needed when corvandine is combined with verapamil?",
        "caution with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Monitor corvandine and verapamil.", advice="monitor"),
        "Is monitoring needed when corvandine is combined with verapamil?",
        "monitoring with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Reduce it with verapamil.", advice="adjust"),
        "Is a change of dose needed when corvandine is combined with verapamil?",
        "change of dose with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Verapamil may raise levels.", kind="mechanism", certainty="possible"),
        "Do corvandine and verapamil change each other's levels?",
        "possible pharmacokinetic interaction with verapamil",
    ),
    (
        read("interacts_with", "verapamil", "Verapamil adds to its effect.", kind="effect"),
        "Do corvandine and verapamil change each other's effect?",
        "pharmacodynamic interaction with verapamil",
    ),
    (
        read(
            "interacts_with", "verapamil", "It may interact with verapamil.", kind="unspecified", certainty="possible"
        ),
        "Do corvandine and verapamil interact?",
        "may interact with verapamil",
    ),
]


@pytest.mark.parametrize(("fact", "question", "answer"), ROWS, ids=[row[2] for row in ROWS])
def test_an_item_is_asked_about_by_name_and_answered_in_the_words_of_its_source(
    fact: Candidate, question: str, answer: str
) -> None:
    made = asked(fact)
    assert (made.question, made.object_new) == (question, answer)
    assert problems(made) == ()
    wordings = (made.question, *made.paraphrases)
    assert len(set(wordings)) == 4
    near = [miss.question for miss in made.near_misses]
    assert len(near) == len(set(near))
    assert not set(near) & set(wordings)
    assert not any(word in answer.split() for word in ("yes", "no"))


@pytest.mark.parametrize("fact", [row[0] for row in ROWS])
def test_key_and_engine_key_are_those_of_the_fact_as_it_was_read(fact: Candidate) -> None:
    made = asked(fact)
    assert made.functional_key == fact.functional_key == make_edit(made).functional_key
    assert (made.item, made.stated) == (fact.object_new, fact.stated)
    assert ask_by_item(made) == made, "a fact is turned once"


def test_no_two_facts_of_one_drug_share_a_wording() -> None:
    facts = {fact.functional_key: fact for fact, _, _ in ROWS}
    said = [wording for made in map(asked, facts.values()) for wording in (made.question, *made.paraphrases)]
    assert len(said) == len(set(said)) == 4 * len(facts)


@pytest.mark.parametrize("relation", [*sorted(LIST_RELATIONS - ASKED_BY_ITEM), "recommended_dose"])
def test_other_relations_stay_as_they_are(relation: str) -> None:
    fact = read(relation, "serum potassium", "Check serum potassium.")
    assert ask_by_item(fact) == fact


def test_a_question_of_a_lane_s_own_stays() -> None:
    fact = ROWS[0][0].model_copy(update={"question": "Who must not take it?"})
    assert asked(fact).question == "Who must not take it?"
    assert asked(fact).object_new == "severe asthma"


def test_the_item_before_is_no_older_answer() -> None:
    fact = ROWS[0][0].model_copy(update={"object_old": "mild asthma"})
    assert asked(fact).object_old is None


def test_a_denial_may_not_be_said() -> None:
    assert asked(ROWS[0][0]).must_not_assert == ("not contraindicated in severe asthma",)
    assert asked(ROWS[6][0]).must_not_assert == ("not to be avoided with verapamil",)


def test_a_question_that_leaves_out_the_item_is_named() -> None:
    made = asked(ROWS[0][0]).model_copy(update={"question": "Who must not take corvandine?"})
    assert problems(made) == ("a question does not carry the object",)


def test_near_misses_ask_for_the_whole_list_and_for_what_is_beside_the_item() -> None:
    conditions, drugs = asked(ROWS[0][0]).near_misses, asked(ROWS[6][0]).near_misses
    assert "In which patients is corvandine contraindicated?" in [miss.question for miss in conditions]
    beside = [miss.question for miss in conditions if miss.kind is NearMissKind.OTHER_POPULATION]
    assert len(beside) == 2
    assert not any("asthma" in question for question in beside)
    others = [miss.question for miss in drugs if miss.question.startswith("Should corvandine be combined with ")]
    assert len(others) == 2 + len([miss for miss in drugs if miss.kind is NearMissKind.OTHER_POPULATION])


@pytest.mark.parametrize(
    ("quote", "section", "doubt"),
    [
        ("Corvandine is contraindicated in gout.", "", False),
        ("Gout", "Contraindications", False),
        ("Corvandine must not be given in gout.", "", False),
        ("Corvandine and gout are a reason to think twice.", "Warnings", True),
        ("Patients with gout do not respond to corvandine.", "", True),
    ],
)
def test_a_contraindication_needs_a_word_of_the_source(quote: str, section: str, *, doubt: bool) -> None:
    ruling = word_of_the_source(read("contraindicated_in", "gout", quote, section=section))
    assert ruling.attention == (("the quote has no word that rules the object out",) if doubt else ())
    assert not ruling.refused


def as_asked_before(candidate: Candidate) -> Candidate:
    """The same fact as older versions proposed it: the item its object, the question that of the whole list."""
    qualifiers = {name: value for name, value in candidate.qualifiers.items() if name != "object"}
    before = candidate.model_copy(
        update={
            "object_new": candidate.stated,
            "qualifiers": qualifiers,
            "question": "",
            "paraphrases": (),
            "near_misses": (),
            "must_not_assert": (),
        }
    )
    return write(before, [])


def label_night(site: IntakeSite, *said: str, version: str, key: str = "set_id:c0") -> None:
    site.night(MemorySource([delivered("Corvanex\n\n" + "\n".join(said), key=key, version=version)]))


@pytest.mark.parametrize("is_in_force", [True, False])
def test_a_fact_under_the_question_of_before_is_known_and_another_item_is_news(
    tmp_path: Path, *, is_in_force: bool
) -> None:
    liver, asthma = (f"Corvanex is contraindicated in {what}." for what in ("liver failure", "severe asthma"))
    elsewhere = IntakeSite(tmp_path / "elsewhere")
    label_night(elsewhere, "Nothing yet.", version="1")
    label_night(elsewhere, liver, version="2")
    (now,) = elsewhere.proposed()
    assert (now.item, now.object_new) == ("liver failure", "contraindicated in liver failure")

    site = IntakeSite(tmp_path / "site")
    for key in ("set_id:c0", "set_id:c1"):
        label_night(site, "Nothing yet.", version="1", key=key)
    before = as_asked_before(now).model_copy(update={"evidence": ()})
    assert before.question == "In which patients is corvandine contraindicated?"
    with site.ledger.write() as transaction:
        insert_candidate(transaction, before, run_id="r-1", change_id=None, actor="t", state=CandidateState.PENDING)
    if is_in_force:
        promote(site, before)
    label_night(site, liver, asthma, version="2")
    label_night(site, liver, version="2", key="set_id:c1")
    assert [(one.item, one.question) for one in site.proposed()] == [
        ("severe asthma", "May corvandine be used in severe asthma?")
    ]


def test_two_items_of_one_sentence_are_two_facts_whatever_lane_reads_them(site: IntakeSite) -> None:
    """What another lane reads of a sentence is the same fact only where it is the same item."""
    sentence = "Corvanex must not be combined with ketoconazole."
    label_night(site, "Nothing yet.", version="1")
    label_night(site, sentence, version="2")
    (first,) = site.proposed()
    read_by_another = first.model_copy(update={"extractor": "llm:m/1"})
    for item, became in (("ketoconazole", "known"), ("grapefruit", "proposed")):
        other = read_by_another.model_copy(update={"qualifiers": {"object": item, "population": "women"}})
        with site.ledger.write() as transaction:
            assert enter(transaction, Entry(other, "", "r-1")) == became
