"""Right candidates out of annotated sets: every name, quote and offset is the annotation's own, none is ours.

Owns how DDI-2013, TDIC, TAC-2017, PHEE and Evidence Inference become facts; labels are read by ``label_gold``. A
span that the annotation does not give whole is left out; nothing is repaired.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from lxml import etree

from workflow.errors import UsageError
from workflow.grounding.gold_fact import GoldFact
from workflow.grounding.label_gold import is_label, read_doses, read_label_gold
from workflow.intake.normalise import names_stand
from workflow.intake.sentences import split, tokens

SETS = ("ddi", "tdic", "tac", "phee", "evidence-inference", "labels")


def read_gold(folder: Path) -> Iterator[GoldFact]:
    """Read every annotated set under a folder.

    Raises:
        UsageError: None is there.
    """
    found = False
    label_folders: set[Path] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_label(path):
            label_folders.add(path.parent)
        for part, suffix, read in _READERS:
            if part in str(path.relative_to(folder.parent)) and path.name.endswith(suffix) and path.is_file():
                found = True
                yield from read(path)
    for labels in sorted(label_folders):
        yield from read_label_gold(labels)
    if not found and not label_folders:
        raise UsageError(
            f"{folder}: expected annotated sets ({', '.join(SETS[:-1])}) in folders of their names, or drug labels, "
            "got none"
        )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _ddi(path: Path) -> Iterator[GoldFact]:
    """Pairs that interact; the document is all sentences of the set's document."""
    for doc, group in groupby(_lines(path), key=lambda row: row["doc"]):
        sentences = list(group)
        text = " ".join(row["text"] for row in sentences)
        at = 0
        for row in sentences:
            names = {entity["id"]: entity["text"] for entity in row["entities"] if len(entity["spans"]) == 1}
            for pair in row["pairs"]:
                ends = (names.get(pair["e1"]), names.get(pair["e2"]))
                if pair["ddi"] and all(ends) and tokens(str(ends[0])) != tokens(str(ends[1])):
                    yield GoldFact(
                        group="ddi",
                        fact_id=f"{row['sent_id']}.{pair['e1']}.{pair['e2']}",
                        text=text,
                        start=at,
                        end=at + len(row["text"]),
                        subject=str(ends[0]),
                        relation="interacts_with",
                        said=str(ends[1]),
                    )
            at += len(row["text"]) + 1
        del doc


def _tdic(path: Path) -> Iterator[GoldFact]:
    """Pairs that a sentence says to interact, or not to; only where every part of it says the same."""
    for number, row in enumerate(_lines(path)):
        sentence, polarity = row["sentence"], set(row["polarity"])
        negated = polarity == {"N"}
        if polarity not in ({"N"}, {"P"}):
            continue
        for one, other in row["ddi_neg"] if negated else row["ddi_pos"]:
            if not (names_stand((one,), sentence) and names_stand((other,), sentence)) or one == other:
                continue
            yield GoldFact(
                group="tdic",
                fact_id=f"tdic.{number}.{one}.{other}",
                text=sentence,
                start=0,
                end=len(sentence),
                subject=one,
                relation="interacts_with",
                said=other,
                negated=negated,
                hedged=min(row["certainty"]) < 3,
            )


def _tac(path: Path) -> Iterator[GoldFact]:
    """Adverse reactions of a label, with the sentence that names them; the label's drug is the subject."""
    root = etree.parse(str(path)).getroot()
    drug = str(root.get("drug"))
    about: dict[str, set[str]] = {}
    for relation in root.iter("Relation"):
        about.setdefault(str(relation.get("arg1")), set()).add(str(relation.get("type")))
    texts = {str(section.get("id")): section.text or "" for section in root.iter("Section")}
    cut = {name: split(text, 0, len(text)) for name, text in texts.items()}
    for name, text in texts.items():
        for sentence in cut[name]:
            yield from read_doses(text, sentence, (drug,), f"{drug}.{name}")
    for mention in root.iter("Mention"):
        if mention.get("type") != "AdverseReaction" or "," in str(mention.get("start")):
            continue
        section, start = str(mention.get("section")), int(str(mention.get("start")))
        end = start + int(str(mention.get("len")))
        holding = next((one for one in cut[section] if one.start <= start and end <= one.end), None)
        if holding is None:
            continue
        kinds = about.get(str(mention.get("id")), set())
        yield GoldFact(
            group="tac",
            fact_id=f"{drug}.{mention.get('id')}",
            text=texts[section],
            start=holding.start,
            end=holding.end,
            subject=drug,
            relation="adverse_reaction",
            said=" ".join(texts[section][start:end].split()),
            names=(drug,),
            negated="Negated" in kinds,
            hedged="Hypothetical" in kinds,
        )


def _phee(path: Path) -> Iterator[GoldFact]:
    """Drug and effect of a case report, with the people, dose, route and duration that were annotated."""
    for row in _lines(path):
        events = [event for annotation in row["annotations"] for event in annotation["events"]]
        for event in events:
            treatment = event.get("Treatment", {})
            adverse = event["event_type"] == "Adverse_event"
            drugs = _spans(treatment.get("Drug"))
            said = _spans(event.get("Effect") if adverse else treatment.get("Disorder"))
            if len(drugs) != 1 or len(said) != 1 or tokens(drugs[0]) == tokens(said[0]):
                continue
            people = event.get("Subject")
            named = {
                "population": " ".join(_spans(people)),
                "dose": " ".join(_spans(treatment.get("Dosage"))),
                "route": " ".join(_spans(treatment.get("Route"))),
                "duration": " ".join(_spans(treatment.get("Duration"))),
            }
            yield GoldFact(
                group="phee",
                fact_id=f"{row['id']}.{event['event_id']}",
                text=row["context"],
                start=0,
                end=len(row["context"]),
                subject=drugs[0],
                relation="adverse_reaction" if adverse else "indicated_for",
                said=said[0],
                qualifiers=tuple((name, value) for name, value in sorted(named.items()) if value),
                negated="Negated" in event,
                hedged="Speculated" in event,
                narrowed=bool(people) and any(kind in people for kind in ("Age", "Gender", "Population", "Disorder")),
            )


def _spans(piece: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The texts of an annotation; a piece that stands in parts is left as its parts."""
    return tuple(part for texts in (piece or {}).get("text", ()) for part in texts)


def _evidence_inference(path: Path) -> Iterator[GoldFact]:
    """Effects that a trial reports, where intervention and outcome stand in the quote that annotators chose."""
    asked = {
        row["PromptID"]: row for row in csv.DictReader((path.parent / "prompts_merged.csv").open(encoding="utf-8"))
    }
    texts: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for row in csv.DictReader(path.open(encoding="utf-8")):
        prompt, source = asked.get(row["PromptID"]), path.parent / "texts" / f"PMC{row['PMCID']}.txt"
        if prompt is None or row["Valid Label"] != "True" or row["Valid Reasoning"] != "True" or not source.is_file():
            continue
        text = texts.setdefault(row["PMCID"], source.read_text(encoding="utf-8"))
        start, end = int(row["Evidence Start"]), int(row["Evidence End"])
        if (row["PromptID"], row["Annotations"]) in seen or text[start:end] != row["Annotations"]:
            continue
        seen.add((row["PromptID"], row["Annotations"]))
        subject, outcome = prompt["Intervention"].strip(), prompt["Outcome"].strip()
        if not (names_stand((subject,), text[start:end]) and names_stand((outcome,), text[start:end])):
            continue
        yield GoldFact(
            group="evidence-inference",
            fact_id=f"ei.{row['PromptID']}.{start}",
            text=text,
            start=start,
            end=end,
            subject=subject,
            relation="evidence_for",
            said=row["Label"].strip(),
            qualifiers=(("comparator", prompt["Comparator"].strip()), ("outcome", outcome)),
        )


_READERS = (
    ("ddi", ".jsonl", _ddi),
    ("tdic", ".jsonl", _tdic),
    ("tac", ".xml", _tac),
    ("phee", ".json", _phee),
    ("evidence_inference", "annotations.csv", _evidence_inference),
)
