"""Lane B beyond one reply: entailment, agreement, retracted claims, caps, fall-backs, replay, through a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import JsonValue

from connectors.notice import AssertionKind, NoticeKind
from tests.workflow.intake.made_intake import IntakeSite, MemorySource, changed, delivered, noticed
from workflow.demo.scripted_llm import NO_CHANGE, Rule, ScriptedLlm
from workflow.intake.extractor import ChangedSentence, DocumentChanges, Refused
from workflow.intake.flood import Flood, flood_of
from workflow.intake.llm_cache import LedgerCallCache, RunCallCache
from workflow.intake.llm_client import LlmBudgetSpentError, LlmClient, LlmEndpoint, LlmUnusableError
from workflow.intake.llm_extractor import LlmExtractor
from workflow.intake.llm_prompt import SentenceChange, write_prompts
from workflow.ledger.intake_tables import llm_failures
from workflow.records import Candidate, CandidateState, ChangeKind

SENTENCE = "The recommended dose of corvandine for women is 5 mg once daily."
OLD = "The recommended dose of corvandine for women is 10 mg once daily."


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as server:
        yield server


def fact(**given: JsonValue) -> dict[str, JsonValue]:
    return {
        "quote": SENTENCE,
        "subject": "corvandine",
        "relation": "recommended_dose",
        "object_new": "5 mg once daily",
        "qualifiers": {"population": "women"},
        "polarity": "affirmed",
        "certainty": "definite",
        **given,
    }


def reply(*facts: JsonValue) -> JsonValue:
    return {"quote": SENTENCE, "no_change": False, "facts": list(facts)}


def endpoint(llm: ScriptedLlm, **bounds: float) -> LlmEndpoint:
    return LlmEndpoint(llm.base_url, "scripted", allow_private=True, sends_per_try=1, **bounds)  # type: ignore[arg-type]


def lane(llm: ScriptedLlm, **how: bool | int) -> LlmExtractor:
    return LlmExtractor(LlmClient(endpoint(llm)), RunCallCache(), **how)  # type: ignore[arg-type]


def document() -> DocumentChanges:
    change = changed(SENTENCE, OLD)
    return DocumentChanges(change.notice.document_id, (change,))


@pytest.mark.parametrize(
    ("verdict", "reason", "flag"),
    [
        ("supported", "", ""),
        ("contradicted", "contradicts", ""),
        ("not_stated", "", "does not state"),
        ("perhaps", "", "gave nothing usable"),
    ],
)
def test_the_entailment_check_sees_quote_and_fact_alone(llm: ScriptedLlm, verdict: str, reason: str, flag: str) -> None:
    llm.rules += [Rule("", reply(fact())), Rule("", {"why": "w", "verdict": verdict}, schema="entailment")]
    (one,) = lane(llm, entailment=True).propose(document())
    assert isinstance(one, Refused) == bool(reason)
    assert reason in (one.reason if isinstance(one, Refused) else "")
    if isinstance(one, Candidate):
        assert [said for said in one.flags if "entailment" in said] == [f for f in one.flags if flag and flag in f]
        (told,) = one.checks
        assert (told.name, told.passed) == ("entailment", True if verdict == "supported" else None)
        assert told.words == {"perhaps": "nothing usable came"}.get(verdict, verdict.replace("_", " "))
    asked = [request for request in llm.asked if request.schema == "entailment"]
    data = json.loads(asked[0].user)["data"]
    assert set(data) == {"quote", "product", "fact"}
    assert data["quote"] == SENTENCE
    assert "10 mg" not in asked[0].user


def test_what_only_one_of_two_runs_says_comes_last_and_is_flagged(llm: ScriptedLlm) -> None:
    shaky = fact(relation="max_daily_dose", object_new="5 mg once daily")
    llm.rules += [Rule("", reply(shaky, fact()), times=1), Rule("", reply(fact()))]
    first, second = lane(llm, runs=2).propose(document())
    assert isinstance(first, Candidate)
    assert isinstance(second, Candidate)
    assert (first.relation, first.agreement) == ("recommended_dose", 2)
    assert (second.relation, second.agreement) == ("max_daily_dose", 1)
    assert "only one of two runs of the model says so" in second.flags
    assert [request.temperature > 0 for request in llm.asked] == [False, True]


def test_nothing_changed_is_asked_once(llm: ScriptedLlm) -> None:
    assert lane(llm, runs=2, entailment=True).propose(document()) == []
    assert len(llm.asked) == 1


CLAIM = "We found a clear benefit: tavorine halved mortality in adults with sepsis."


def retraction() -> DocumentChanges:
    work = replace(noticed(CLAIM, number=1, names=()), kind=NoticeKind.ARTICLE, identifiers=(("pmid", "111"),))
    notice = replace(noticed("Retraction: PMID 111 was retracted.", names=()), kind=NoticeKind.ARTICLE)
    change = ChangedSentence("g-1", ChangeKind.RETRACTED, notice, asserts=AssertionKind.RETRACTS, target=work)
    return DocumentChanges(notice.document_id, (change,))


def test_a_retracted_claim_is_no_longer_supported_and_never_turned_round(llm: ScriptedLlm) -> None:
    said: JsonValue = {
        "quote": CLAIM,
        "subject": "tavorine",
        "effect": "halved mortality",
        "population": "adults with sepsis",
    }
    elsewhere: JsonValue = {**said, "population": "children"} if isinstance(said, dict) else None
    llm.rules.append(Rule("", {"claims": [said, elsewhere]}, schema="retracted_claims"))
    one, other = lane(llm).propose(retraction())
    assert isinstance(one, Candidate)
    assert one.object_new.startswith("not supported")
    assert one.object_old == "halved mortality (PMID 111)"
    assert one.evidence[0].quote == CLAIM
    assert isinstance(other, Refused)
    assert "do not stand" in other.reason


def test_kidneys_and_pregnancy_join_the_population_and_a_span_is_a_circumstance(llm: ScriptedLlm) -> None:
    named: JsonValue = {"population": "adults", "renal_function": "CrCl < 30 mL/min", "duration": "7 days"}
    llm.rules.append(Rule("", reply(fact(qualifiers=named))))
    (one,) = lane(llm).propose(document())
    assert isinstance(one, Candidate)
    assert one.qualifiers == {"population": "adults with CrCl < 30 mL/min", "circumstance": "for 7 days"}


def prompts(number: int) -> list[SentenceChange]:
    return [SentenceChange("s", None, f"The maximum daily dose of melistat is {at} mg.") for at in range(number)]


def test_a_server_that_takes_no_format_is_asked_in_plain_words_and_may_fence_its_answer(llm: ScriptedLlm) -> None:
    llm.takes_json_schema = llm.takes_json_object = False
    llm.rules.append(Rule("", f"```json\n{NO_CHANGE}\n```"))
    (prompt,) = write_prompts("t", tuple(prompts(1)))
    with LlmClient(endpoint(llm)) as client:
        assert client.ask(prompt).reply.no_change
        assert client.ask(prompt).reply.no_change
    assert [asked.response_format for asked in llm.asked] == ["", ""]
    assert '"no_change"' in llm.asked[0].system


@pytest.mark.parametrize(
    ("bounds", "cap"),
    [({"max_cost": 0.01, "reply_price": 10.0}, "0.01 for tokens"), ({"max_minutes": 1e-9}, "1e-09 minutes")],
)
def test_caps_on_cost_and_minutes_end_the_asking(llm: ScriptedLlm, bounds: dict[str, float], cap: str) -> None:
    (prompt,) = write_prompts("t", tuple(prompts(1)))
    with LlmClient(endpoint(llm, **bounds)) as client:
        with suppress(LlmBudgetSpentError):
            client.ask(prompt)
        with pytest.raises(LlmBudgetSpentError, match=cap):
            client.ask(prompt)
    assert len(llm.asked) <= 1


def test_a_failed_prompt_is_on_record_without_a_word_of_it_and_is_not_asked_twice(
    llm: ScriptedLlm, site: IntakeSite
) -> None:
    llm.rules.append(Rule("", status=401, body=b"bad key"))
    asker = LlmExtractor(LlmClient(endpoint(llm)), LedgerCallCache(site.ledger, run_id=site.start_run(), actor="test"))
    with pytest.raises(LlmUnusableError):
        asker.prepare(document())
    before = len(llm.asked)
    with pytest.raises(LlmUnusableError, match="401"):
        asker.propose(document())
    assert len(llm.asked) == before
    with site.ledger.read() as connection:
        (row,) = connection.execute(sa.select(llm_failures)).mappings().all()
    assert "401" in row["reason"]
    assert len(row["prompt_sha256"]) == 64
    assert "corvandine" not in str(dict(row))


def test_asking_side_by_side_gives_the_rows_of_asking_one_by_one(llm: ScriptedLlm, tmp_path: Path) -> None:
    sentence = "The recommended dose of drug{0}ine is 5 mg once daily."
    for number in range(4):
        said = fact(
            quote=sentence.format(number),
            subject=f"drug{number}ine",
            relation="max_daily_dose",
            object_new="5 mg once daily",
            qualifiers={},
        )
        llm.rules.append(Rule(f"drug{number}ine", reply(said), delay_s=0.2 - 0.05 * number))
    cache = RunCallCache()
    changes = [
        DocumentChanges(f"d-{number}", (changed(sentence.format(number), names=(f"drug{number}ine",)),))
        for number in range(4)
    ]
    side = LlmExtractor(LlmClient(endpoint(llm)), cache)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(side.prepare, changes))
    asked = len(llm.asked)
    again = [one for work in changes for one in LlmExtractor(LlmClient(endpoint(llm)), cache).propose(work)]
    alone = [one for work in changes for one in lane(llm).propose(work)]
    assert asked == 4
    assert again == alone
    assert len(again) == 4


def test_where_the_rules_read_another_value_in_the_same_words_a_person_decides(
    llm: ScriptedLlm, site: IntakeSite
) -> None:
    first = delivered("Corvandine. " + OLD)
    second = delivered("Corvandine. " + SENTENCE, version="2")
    site.night(MemorySource([first]))
    llm.rules.append(Rule("5 mg", reply(fact(object_new="5 mg"))))
    site.night(MemorySource([second]), lanes=(lane(llm),))
    stored = site.queue(CandidateState.PROPOSED, CandidateState.REFUSED)
    flagged = [one for one in stored if any("the rules read another value" in said for said in one.candidate.flags)]
    assert [one.candidate.extractor.split("/")[0] for one in flagged] == ["llm:scripted"]
    assert {one.candidate.risk.value for one in flagged} == {"high"}
    assert any(one.candidate.extractor.startswith("rules") for one in stored)


def test_a_flood_from_one_source_is_told_once_its_cap_is_reached(site: IntakeSite) -> None:
    old = [delivered(OLD, key=f"set_id:{number}") for number in range(3)]
    site.night(MemorySource(old))
    sentences = [f"The recommended dose of corvandine for women is {number + 20} mg once daily." for number in range(3)]
    new = [delivered(said, key=f"set_id:{number}", version="2") for number, said in enumerate(sentences)]
    night = site.night(MemorySource(new))
    document_id = night.extracted[0].document_id
    told = {cap: flood_of(site.ledger, run_id=night.run_id, document_id=document_id, cap=cap) for cap in (3, 4)}
    assert told[3] == Flood("memory", 3)
    assert told[4] is None
    assert flood_of(site.ledger, run_id="r-9", document_id=document_id, cap=1) is None
