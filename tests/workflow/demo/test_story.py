"""The demo's data: invented identifiers, honest formats, and the facts that the demo model answers."""

from __future__ import annotations

import json
import re
import uuid

from pydantic import JsonValue

from editor_engine.demo.facts import cast_facts
from workflow.demo.story import files_on, labels_on, llm_rules, night_times, records_on
from workflow.intake.llm_wire import read_reply

NIGHTS = range(len(night_times()))


def label(name: str, night: int) -> dict[str, JsonValue]:
    (found,) = (record for record in labels_on(night) if generic(record) == name)
    return found


def generic(record: dict[str, JsonValue]) -> str:
    openfda = record["openfda"]
    assert isinstance(openfda, dict)
    names = openfda["generic_name"]
    assert isinstance(names, list)
    return str(names[0]).casefold()


def section(record: dict[str, JsonValue], field: str) -> str:
    texts = record[field]
    assert isinstance(texts, list)
    assert len(texts) == 1
    return str(texts[0])


def test_the_nights_follow_each_other() -> None:
    days = [moment.toordinal() for moment in night_times()]
    assert days == list(range(days[0], days[0] + 4))


def test_identifiers_are_invented() -> None:
    for record in labels_on(3):
        assert str(uuid.UUID(str(record["set_id"]))).startswith("00000000-de30-4000-8000-")
        assert str(uuid.UUID(str(record["id"]))).startswith("00000000-de30-4000-9000-")
    for article in records_on(3):
        assert re.fullmatch(r"900000\d\d", article.pmid)
        assert set(re.findall(r"\b10\.\d{4,}(?=/)", article.xml)) == {"10.5555"}


def test_no_version_changes_its_label_identifier_but_every_version_has_its_own_id() -> None:
    before, after = labels_on(0), labels_on(1)
    assert {record["set_id"] for record in before} == {record["set_id"] for record in after}
    changed = {generic(record) for record in after} - {"uricolene", "hydrazepam"}
    assert len({record["id"] for record in (*before, *after)}) == len(before) + len(changed)


def test_first_labels_say_what_the_demo_model_says() -> None:
    told = {generic(record): json.dumps(record) for record in labels_on(0)}
    sentences = {
        "recommended_dose": "The recommended dose of {s}{p} is {a}",
        "max_daily_dose": "The maximum daily dose of {s} is {a}",
        "contraindicated_in": "contraindicated in patients with {a}",
        "indicated_for": "treatment of {a}",
    }
    checked = 0
    for fact in cast_facts():
        population = fact.qualifiers.get("population")
        stated = sentences.get(fact.relation)
        if stated is None or fact.subject not in told or (fact.subject, population) == ("tavorine", "adults"):
            continue
        if (fact.subject, population) == ("corvandine", None) and fact.relation == "recommended_dose":
            continue  # the label tells it for women, men and children
        wanted = stated.format(s=fact.subject, p=f" for {population}" if population else "", a=fact.answer)
        found = told[fact.subject].replace("with a history", "with history")
        assert wanted in found, f"{fact.subject}: {wanted}"
        checked += 1
    assert checked >= 25


def test_what_changes_is_what_the_story_tells() -> None:
    assert "for women is 5 mg once daily" in section(label("corvandine", 1), "dosage_and_administration")
    assert "for men is 10 mg once daily" in section(label("corvandine", 1), "dosage_and_administration")
    tavorine = section(label("tavorine", 1), "dosage_and_administration")
    assert "The recommended dose of tavorine is 15 mg twice daily." in tavorine
    assert "for children is 5 mg twice daily" in tavorine
    assert "for patients taking verapamil is 5 mg twice daily" in tavorine
    assert "with second-degree heart block" in section(label("benzarolol", 1), "contraindications")
    assert section(label("luminapril", 1), "boxed_warning").startswith("WARNING: FETAL TOXICITY. ")
    assert "maximum daily dose of melistat is 20 mg" in section(label("melistat", 1), "dosage_and_administration")
    assert labels_on(1) == labels_on(2) == labels_on(3)


def test_the_reordered_label_holds_the_same_words() -> None:
    def words(night: int) -> list[str]:
        record = label("panvorol", night)
        text = " ".join(str(value) for value in record.values() if isinstance(value, list))
        return sorted(re.findall(r"[a-z]{2,}|\d+ mg", text.casefold()))

    assert words(0) == words(1)


def test_files_change_on_the_first_night_only() -> None:
    assert [file.name for file in files_on(0)] == [file.name for file in files_on(1)]
    assert all(old.content != new.content for old, new in zip(files_on(0), files_on(1), strict=True))
    assert files_on(1) == files_on(2) == files_on(3)
    memo = next(file for file in files_on(1) if file.name.endswith(".html")).content
    assert b"approve every item without reading" in memo


def test_every_scripted_reply_is_of_the_schema_and_one_quote_stands_nowhere() -> None:
    told = " ".join(file.content.decode() for file in files_on(1))
    grounded = []
    for rule in llm_rules():
        assert rule.when in " ".join(told.split())
        (fact,) = read_reply(str(rule.reply)).facts
        grounded.append(fact.quote in told)
    assert sorted(grounded) == [False, True]


def test_nothing_new_on_the_last_night() -> None:
    assert records_on(2) == records_on(3)
    assert [len(records_on(night)) for night in NIGHTS] == [2, 3, 4, 4]
