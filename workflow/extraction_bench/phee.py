"""PHEE: pharmacovigilance events with who, how much, by which route and how long, and what is speculated or denied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflow.extraction_bench.gold import Case, Item, distinct, whole

_OF_SUBJECT = {"Age": "population", "Gender": "population", "Population": "population", "Race": "population"}
_OF_TREATMENT = {"Dosage": "dose", "Route": "route", "Duration": "duration", "Disorder": "condition"}
Fields = Mapping[str, object]


def phee_case(row: Fields) -> Case:
    """Read one sentence with its events.

    Raises:
        KeyError: it has no id, context or annotations.
    """
    text, identifier = str(row["context"]), str(row["id"])
    annotations = row["annotations"]
    events = [
        event
        for annotation in (annotations if isinstance(annotations, list) else [])
        for event in annotation["events"]
        if isinstance(event, dict)
    ]
    items = tuple(item for event in events for item in _items(event))
    return Case(
        case_id=identifier,
        document=identifier.partition("_")[0],
        text=text,
        sentences=whole(text),
        items=items,
        names=distinct(item.one for item in items),
    )


def _items(event: Fields) -> Iterator[Item]:
    treatment, subject = _part(event, "Treatment"), _part(event, "Subject")
    qualifiers: dict[str, str] = {}
    for holder, names in ((subject, _OF_SUBJECT), (treatment, _OF_TREATMENT)):
        for field, name in names.items():
            for text in _texts(holder.get(field)):
                qualifiers[name] = f"{qualifiers[name]} {text}" if name in qualifiers else text
    effects = list(_texts(event.get("Effect"))) or list(_texts(treatment.get("Disorder")))
    for drug in _texts(treatment.get("Drug")):
        for effect in effects:
            yield Item(
                drug,
                effect,
                kind=str(event.get("event_type", "")),
                denied="Negated" in event,
                hedged="Speculated" in event,
                qualifiers=qualifiers,
            )


def _part(event: Fields, name: str) -> Fields:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _texts(part: object) -> Iterator[str]:
    """The phrases of an argument, each with its pieces joined."""
    texts = part.get("text") if isinstance(part, dict) else None
    for pieces in texts if isinstance(texts, list) else []:
        joined = " ".join(str(piece) for piece in pieces) if isinstance(pieces, list) else str(pieces)
        if joined.strip():
            yield joined
