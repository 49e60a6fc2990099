"""A hospital with one signer, from the first label to the undone edit, by commands that anyone could type."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import cast

import pytest

from tests.end_to_end.prepared import FIRST_NIGHT, MEN, SECOND_NIGHT, THIRD_NIGHT, WOMEN, Prepared, label
from tests.end_to_end.shell import PIN, SIGNER, Shell, assert_one_line

pytestmark = pytest.mark.slow

PARAPHRASE = "Which dose of corvandine should be given for women?"
OTHER_DRUG = "What is the recommended dose of tavorine for women?"
DOSE = f"{random.Random(20261120).choice([1.5, 2, 3, 3.5, 4, 6, 7, 8, 12, 15])} mg".replace(".0 ", " ")
SPL = """<?xml version="1.0" encoding="UTF-8"?>
<document xmlns="urn:hl7-org:v3"><id root="11111111-0000-4000-8000-00000000000{version}"/>
<code code="34391-3" codeSystem="2.16.840.1.113883.6.1" displayName="HUMAN PRESCRIPTION DRUG LABEL"/>
<title>Corvandine tablets</title><effectiveTime value="2026110{version}"/>
<setId root="11111111-0000-4000-8000-000000000000"/><versionNumber value="{version}"/>
<component><structuredBody><component><section>
<code code="34068-7" codeSystem="2.16.840.1.113883.6.1"/><title>2 DOSAGE AND ADMINISTRATION</title>
<text><paragraph>{sentence}</paragraph></text></section></component></structuredBody></component></document>"""
SENTENCE = "The recommended dose of corvandine for women is {} once daily."


def spelled(suffix: str, version: int, dose: str) -> str:
    """One version of the same label in one of the formats that a drop folder takes."""
    sentence = SENTENCE.format(dose)
    if suffix == "json":
        record = {"set_id": "22222222-0000-4000-8000-000000000000", "version": str(version)}
        names = {"generic_name": ["CORVANDINE"], "brand_name": ["Corvanex"]}
        dosage = [f"2 DOSAGE AND ADMINISTRATION 2.1 Recommended Dosage {sentence}"]
        return json.dumps(
            {**record, "effective_time": f"2026110{version}", "openfda": names, "dosage_and_administration": dosage}
        )
    return {
        "txt": sentence,
        "md": f"# Corvandine\n\n## Dosage and administration\n\n{sentence}\n",
        "html": f"<!DOCTYPE html><html><head><title>Corvandine</title></head><body><h1>Corvandine</h1>"
        f"<h2>Dosage and administration</h2><p>{sentence}</p></body></html>",
        "xml": SPL.format(version=version, sentence=sentence),
    }[suffix]


def test_every_format_of_the_drop_folder_comes_to_a_candidate(prepared: Prepared, tmp_path: Path) -> None:
    """One site takes all formats, each about a population of its own, so that two nights are enough."""
    people = {"txt": "women", "md": "men", "json": "children", "html": "older patients", "xml": "pregnant women"}
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    (site.root / "drop" / "corvandine.md").unlink()
    for version, dose, night in ((1, "10 mg", SECOND_NIGHT), (2, DOSE, THIRD_NIGHT)):
        for suffix, population in people.items():
            text = spelled(suffix, version, dose).replace("for women", f"for {population}")
            site.drop(f"label-of-{suffix}.{suffix}", text)
        report = site.night(night).json
    proposed = cast(list[dict[str, str]], report["proposed"])
    assert {one["object_new"] for one in proposed} == {f"{DOSE} once daily"}
    assert len(proposed) == len(people), [one["candidate_id"] for one in proposed]


def test_one_signer_from_label_to_undone_edit(tmp_path: Path) -> None:
    """One command of each kind as ``python -m workflow``, the others forked from a warm process."""
    site, cold = Shell(tmp_path / "site"), Shell(tmp_path / "site", cold=True)
    cold.done("init", str(site.root), "--profile", "one-signer", "--reviewer", "Dr. A. Tester", pin=PIN)
    site.read_the_drop_folder_only()
    site.drop("corvandine.md", label("10 mg"))
    assert cold.night(FIRST_NIGHT).json["proposed"] == []
    first = site.live()
    site.drop("corvandine.md", label(DOSE))
    (proposed,) = cast(list[dict[str, str]], site.night(SECOND_NIGHT).json["proposed"])
    candidate_id = proposed["candidate_id"]
    assert site.night(SECOND_NIGHT).json["proposed"] == [], "the same night again proposes nothing"

    assert "nothing is approved" in site.done("promote", "--yes").out
    assert DOSE in site.done("queue", "show", candidate_id).out
    approve = ("queue", "decide", candidate_id, "--verdict", "approve")
    assert "wrong PIN" in assert_one_line(site.run(*approve, pin="000000"))
    unseen = site.run(*approve, "--json", pin=PIN)
    assert (unseen.code, site.counts("decisions", "marks")) == (16, {"decisions": 0, "marks": 0})
    assert "without --json" in assert_one_line(unseen)
    assert ">>>" in cold.done(*approve, pin=PIN).out
    assert "PASS" in cold.done("promote", "--yes").out

    asked = (WOMEN, PARAPHRASE, MEN, OTHER_DRUG)
    after = cold.answers(*asked)
    assert [DOSE in str(one["answer"]) for one in after] == [True, True, False, False]
    assert [one["batch_id"] for one in after] == ["b0001", "b0001", None, None]
    edit_id = str(after[0]["edit_id"])
    site.done("stop", "--reason", "incident")
    stopped = site.answers(*asked)
    assert [one["edit_id"] for one in stopped] == [None] * 4
    assert [one["answer"] for one in stopped[2:]] == [one["answer"] for one in after[2:]], "unfired is the base's own"
    site.done("start")
    traced = site.done("trace", edit_id).out
    assert "Dr. A. Tester" in traced
    assert SENTENCE.format(DOSE) in traced

    moment = str(site.one("SELECT created_at FROM releases WHERE release_id = 1"))
    cold.done("rollback", "b0001", "--reason", "label withdrawn")
    again = site.run("rollback", "b0001", "--reason", "label withdrawn")
    assert again.code == 16
    assert_one_line(again)
    assert site.live()[1] == first[1], "the digest of release 0"
    assert [one["answer"] for one in site.answers(*asked)] == [one["answer"] for one in stopped]
    then = site.done("live", "--as-of", moment, "--json").json
    assert [one["edit_id"] for one in cast(list[dict[str, object]], then["edits"])] == [edit_id]
    assert site.done("live", "--json").json["edits"] == []
    site.done("audit", "verify")
    site.done("doctor", "--quick")


def test_a_fixed_candidate_is_rehearsed_before_it_is_signed(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.drop("corvandine.md", label("5 mg"))
    (proposed,) = cast(list[dict[str, str]], site.night(SECOND_NIGHT).json["proposed"])
    fix = ("--verdict", "fix_and_approve", "--fixed-object", "5 mg", "--as", SIGNER)
    site.done("queue", "decide", proposed["candidate_id"], *fix)
    (fixed,) = (str(row[0]) for row in site.rows("SELECT candidate_id FROM candidates WHERE state = 'proposed'"))
    early = site.run("queue", "decide", fixed, "--verdict", "approve", "--as", SIGNER)
    assert early.code == 2, "nobody signs what was not rehearsed"
    assert "medrek-flow worker" in assert_one_line(early)
    site.done("worker")
    site.sign(fixed)
    site.done("promote", "--yes")
    (answer,) = site.answers(WOMEN)
    assert answer["edit_id"] == site.one("SELECT edit_id FROM edits WHERE candidate_id = ?", fixed)
    assert str(answer["answer"]).startswith("5 mg")
