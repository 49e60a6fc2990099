"""The public formats are read as they are: own sentences in each of them, and what a broken file is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflow.errors import UsageError
from workflow.extraction_bench.gold import Case
from workflow.extraction_bench.readers import read_cases

DDI = {
    "doc": "Corvandine_ddi",
    "source": "drugbank",
    "sent_id": "d1.s0",
    "text": "Corvandine increases levels of digoxin but not of warfarin.",
    "entities": [
        {"id": "e0", "spans": [[0, 10]], "type": "drug", "text": "Corvandine"},
        {"id": "e1", "spans": [[31, 38]], "type": "drug", "text": "digoxin"},
        {"id": "e2", "spans": [[50, 58]], "type": "drug", "text": "warfarin"},
    ],
    "pairs": [
        {"e1": "e0", "e2": "e1", "ddi": True, "type": "mechanism"},
        {"e1": "e0", "e2": "e2", "ddi": False, "type": None},
    ],
}
TDIC = {
    "set": "clinical",
    "pmid": "9",
    "sent_no": "2",
    "sentence": "Corvandine did not affect the clearance of digoxin.",
    "polarity": ["N"],
    "certainty": [3],
    "drugs": ["Corvandine", "digoxin"],
    "ddi_pos": [],
    "ddi_neg": [["Corvandine", "digoxin"]],
}
PHEE = {
    "id": "7_2",
    "context": "Two children given 5 mg oral corvandine may have had a rash.",
    "annotations": [
        {
            "events": [
                {
                    "event_type": "Adverse_event",
                    "Subject": {"text": [["Two children"]], "Population": {"text": [["children"]]}},
                    "Treatment": {
                        "text": [["5 mg oral corvandine"]],
                        "Drug": {"text": [["corvandine"]]},
                        "Dosage": {"text": [["5 mg"]]},
                        "Route": {"text": [["oral"]]},
                    },
                    "Effect": {"text": [["rash"]]},
                    "Speculated": {"text": [["may"]], "value": True},
                }
            ]
        }
    ],
}
TAC = """<?xml version="1.0" encoding="UTF-8"?>
<Label drug="corvanex" track="TAC2017_ADR">
  <Text><Section name="adverse reactions" id="S1">Nausea was seen. Rash was not seen. Fits may occur.</Section></Text>
  <Mentions>
    <Mention id="M1" section="S1" type="AdverseReaction" start="0" len="6" str="Nausea" />
    <Mention id="M2" section="S1" type="AdverseReaction" start="17" len="4" str="Rash" />
    <Mention id="M3" section="S1" type="Negation" start="26" len="3" str="not" />
    <Mention id="M4" section="S1" type="AdverseReaction" start="36,41" len="4,3" str="Fits may" />
  </Mentions>
  <Relations>
    <Relation id="R1" type="Negated" arg1="M2" arg2="M3" />
    <Relation id="R2" type="Hypothetical" arg1="M4" arg2="M3" />
  </Relations>
</Label>
"""


def read(form: str, path: Path) -> list[Case]:
    return list(read_cases(form, path))


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_ddi(tmp_path: Path) -> None:
    (case,) = read("ddi", lines(tmp_path / "train.jsonl", DDI))
    assert [(item.one, item.other, item.kind) for item in case.items] == [("Corvandine", "digoxin", "mechanism")]
    assert (case.document, case.counts_pairs, case.is_empty) == ("Corvandine_ddi", True, False)
    assert read("ddi", tmp_path)[0] == case


def test_tdic(tmp_path: Path) -> None:
    (case,) = read("tdic", lines(tmp_path / "dev.jsonl", TDIC, {**TDIC, "ddi_neg": [], "drugs": ["digoxin"]}))
    assert [(item.denied, item.hedged) for item in case.items] == [(True, False)]
    assert case.is_empty


def test_phee(tmp_path: Path) -> None:
    (case,) = read("phee", lines(tmp_path / "dev.json", PHEE))
    (item,) = case.items
    assert (item.one, item.other, item.hedged, item.denied) == ("corvandine", "rash", True, False)
    assert item.qualifiers == {"population": "children", "dose": "5 mg", "route": "oral"}


def test_tac(tmp_path: Path) -> None:
    (tmp_path / "CORVANEX.xml").write_text(TAC, encoding="utf-8")
    (case,) = read("tac", tmp_path)
    assert [(item.other, item.denied, item.hedged) for item in case.items] == [
        ("Nausea", False, False),
        ("Rash", True, False),
        ("Fits may", False, True),
    ]
    assert [item.span for item in case.items] == [(0, 6), (17, 21), (36, 44)]
    assert len(case.sentences) == 3


def test_evidence_inference(tmp_path: Path) -> None:
    text = "Corvandine reduced the rate of stroke. Weight did not differ."
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/PMC5.txt").write_text(text, encoding="utf-8")
    (tmp_path / "prompts_merged.csv").write_text(
        "PromptID,PMCID,Outcome,Intervention,Comparator\n1,5,stroke,corvandine,placebo\n2,5,weight,corvandine,placebo\n",
        encoding="utf-8",
    )
    head = "UserID,PromptID,PMCID,Valid Label,Valid Reasoning,Label,Annotations,Label Code,In Abstract,"
    (tmp_path / "v2_annotations.csv").write_text(
        f"{head}Evidence Start,Evidence End\n"
        "0,1,5,True,True,significantly decreased,x,-1,True,0,38\n"
        "0,2,5,True,True,no significant difference,x,0,True,39,61\n"
        "1,2,5,False,True,significantly decreased,x,-1,True,0,38\n",
        encoding="utf-8",
    )
    (case,) = read("evidence-inference", tmp_path)
    assert [(item.other, item.denied, item.span) for item in case.items] == [
        ("stroke", False, (0, 38)),
        ("weight", True, (39, 61)),
    ]


@pytest.mark.parametrize(
    ("form", "name", "content", "said"),
    [
        ("ddi", "train.jsonl", "{}\n", "train.jsonl, line 1: expected the fields of this format"),
        ("ddi", "train.jsonl", "[1]\n", "line 1: expected a JSON object, got list"),
        ("tdic", "dev.jsonl", '{"pmid":\n', "line 1: expected a JSON object"),
        ("ddi", "other.txt", "", "expected train.jsonl or"),
        ("tac", "a.xml", "<Label", "expected well-formed XML"),
        ("tac", "a.xml", "<Paper/>", "expected a Label with its drug"),
        ("evidence-inference", "x.csv", "", "prompts_merged.csv"),
        ("pubmed", "x", "", "--format: expected one of"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, form: str, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read(form, tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_no_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="got nothing there"):
        read("ddi", tmp_path / "none")
