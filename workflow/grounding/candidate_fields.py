"""A candidate of a case: its fields under their usual names, and nothing else.

Owns the candidate's part of the format of docs/llm.md. A field that the format does not know is refused, as the
language model's schema refuses it, but for names that begin with ``x_`` or ``_``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow.grounding.fields import Json, SchemaError, find, flag_of, number_of, objects_of, text_of, texts_of
from workflow.intake.relations import VOCABULARY
from workflow.records import Certainty, Polarity

QUALIFIERS: Final = (
    "population",
    "dose",
    "route",
    "form",
    "condition",
    "duration",
    "renal_function",
    "hepatic_function",
    "pregnancy",
    "outcome",
    "comparator",
    "jurisdiction",
    "circumstance",
    "frequency",
    "severity",
    "age",
    "sex",
    "co_medication",
)
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_QUALIFIER_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("people", "patients", "patient_population", "patient_group", "group"), "population"),
    **dict.fromkeys(("indication", "disease", "disorder"), "condition"),
    **dict.fromkeys(("formulation", "dosage_form"), "form"),
    **dict.fromkeys(("renal", "renal_impairment", "egfr"), "renal_function"),
    **dict.fromkeys(("hepatic", "hepatic_impairment"), "hepatic_function"),
    **dict.fromkeys(("gender",), "sex"),
    **dict.fromkeys(("age_group",), "age"),
    **dict.fromkeys(("dosage",), "dose"),
}
"""Other names of qualifiers. A name that is not known stays, and its words are looked for like any other's."""
_SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("mechanism", "effect", "advise", "advice", "int", "ddi", "interaction", "drug_drug_interaction", "interacts"),
        "interacts_with",
    ),
    **dict.fromkeys(
        (
            "adverse_event",
            "adverse_effect",
            "adverse_drug_reaction",
            "side_effect",
            "causes",
            "adr",
            "ade",
            "has_adverse_reaction",
        ),
        "adverse_reaction",
    ),
    **dict.fromkeys(
        ("potential_therapeutic_event", "therapeutic_event", "treats", "treatment_for", "indication", "treatment_of"),
        "indicated_for",
    ),
    **dict.fromkeys(("effect_on", "affects", "effect_of", "outcome_effect", "direction"), "evidence_for"),
    **dict.fromkeys(("contraindication", "contraindicated"), "contraindicated_in"),
    **dict.fromkeys(("dose", "dosage"), "recommended_dose"),
    **dict.fromkeys(("maximum_daily_dose", "max_dose", "maximum_dose"), "max_daily_dose"),
}
"""Names that annotated sets give to relations of the vocabulary."""
_SUBJECT: Final = ("subject", "drug", "head", "s", "subject_name", "subject_text")
_RELATION: Final = ("relation", "predicate", "r", "relation_type")
_NEW: Final = ("object_new", "object", "o_new", "new_object", "new_value", "tail", "object_text", "o")
_OLD: Final = ("object_old", "o_old", "old_object", "old_value", "previous_object", "object_previous")
_QUOTED: Final = ("quote", "text", "evidence_quote", "evidence_text", "quote_text", "span_text")
_START: Final = ("start", "quote_start", "char_start", "start_offset", "begin", "offset")
_END: Final = ("end", "quote_end", "char_end", "end_offset", "stop")
_PAIR: Final = ("offsets", "span", "quote_span", "quote_offsets", "char_span")
_DOCUMENT: Final = ("document_id", "document", "doc_id", "source_id", "doc")
_OWN: Final = (
    *_SUBJECT,
    *_RELATION,
    *_NEW,
    *_OLD,
    *_QUOTED[2:],
    *_START,
    *_END,
    *_PAIR,
    *_DOCUMENT,
    *("qualifiers", "polarity", "negated", "certainty"),
    *("evidence", "quote"),
    *("source_version", "version", "quote_old", "quote_old_start", "quote_old_end", "section", "role", "question"),
    *("paraphrases", "aliases", "change_kind", "previous_document", "source_prev_version", "near_misses", "offsets"),
)
_UNREAD: Final = (
    *("id", "fact_id", "candidate_id", "source", "dataset", "source_url", "retrieved_at", "section_code", "direction"),
    *("evidence_level", "effective_from", "probes", "extractor", "model_confidence", "review", "supersedes", "risk"),
    *("conflicts_with", "flags", "must_not_assert", "object_old_origin", "subject_type", "object_type", "note"),
    *("subject_id", "object_id", "object_new_id", "object_unit", "confidence", "statement", "sentence"),
)
_FIELDS: Final = frozenset((*_OWN, *_UNREAD, *QUALIFIERS))
_PIECE: Final = frozenset(
    (
        *_QUOTED,
        *_START,
        *_END,
        *_PAIR,
        *_DOCUMENT,
        *("role", "section", "version", "source_version", "notice_id"),
    )
)


@dataclass(frozen=True)
class CaseEvidence:
    """A quote as the case gives it; offsets are None where code is to find it."""

    document_id: str
    quote: str
    start: int | None = None
    end: int | None = None
    role: str = "claim"
    section: str = ""
    version: str = ""


@dataclass(frozen=True)
class ReadCandidate:
    """A candidate of a case."""

    subject: str
    relation: str
    object_new: str
    object_old: str | None
    qualifiers: tuple[tuple[str, str], ...]
    polarity: Polarity
    certainty: Certainty
    evidence: tuple[CaseEvidence, ...]
    aliases: tuple[str, ...] = ()
    question: str = ""
    paraphrases: tuple[str, ...] = ()
    change_kind: str = ""


def unknown_fields(given: Json) -> frozenset[str]:
    """Name the fields of a candidate that the format does not know."""
    return frozenset(name for name in given if name not in _FIELDS and not name.startswith(("x_", "_")))


def document_named(given: Json) -> str:
    """Give the document that a candidate names for itself or for its quote; empty where it names none."""
    pieces = find(given, "evidence")
    first = pieces[0] if isinstance(pieces, list) and pieces else pieces
    named = find(given, *_DOCUMENT) or (find(first, *_DOCUMENT) if isinstance(first, Mapping) else None)
    return named if isinstance(named, str) else ""


def read_candidate(
    given: Json, documents: tuple[str, ...], *, needs_quote: bool = True, unread: frozenset[str] = frozenset()
) -> ReadCandidate:
    """Read a candidate.

    Args:
        given: Its JSON.
        documents: The ids of the case's documents; the first is meant where none is named.
        needs_quote: Whether one without a quote is refused.
        unread: Fields of the file's own that are passed over.

    Raises:
        SchemaError: A field is missing, unknown, or not of its type.
    """
    if unknown_fields(given) - unread:
        raise SchemaError("a field that the schema does not know")
    subject, relation = text_of(given, *_SUBJECT), text_of(given, *_RELATION)
    said, old = _object(given, *_NEW), _object(given, *_OLD) or None
    if not (subject.strip() and relation.strip() and said.strip()):
        raise SchemaError("expected subject, relation and object_new, got fewer")
    evidence = _evidence(given, documents)
    if needs_quote and not any(piece.role == "claim" and piece.quote.strip() for piece in evidence):
        raise SchemaError("expected a quote, got none")
    return ReadCandidate(
        subject=subject,
        relation=_relation(relation),
        object_new=said,
        object_old=old,
        qualifiers=_qualifiers(given),
        polarity=_polarity(given),
        certainty=_certainty(given),
        evidence=evidence,
        aliases=texts_of(given, "aliases"),
        question=text_of(given, "question"),
        paraphrases=texts_of(given, "paraphrases"),
        change_kind=text_of(given, "change_kind"),
    )


def _relation(name: str) -> str:
    plain = "_".join(name.strip().casefold().replace("-", " ").split())
    return name.strip() if name.strip() in VOCABULARY else plain if plain in VOCABULARY else _SYNONYMS.get(plain, name)


def _object(given: Json, *names: str) -> str:
    value = find(given, *names)
    if isinstance(value, Mapping) and find(value, "text", "name") is None:
        return " ".join(part for part in (text_of(value, "value"), text_of(value, "unit")) if part)
    return text_of(given, *names)


def _qualifiers(given: Json) -> tuple[tuple[str, str], ...]:
    said = find(given, "qualifiers")
    if said is not None and not isinstance(said, Mapping):
        raise SchemaError("qualifiers: expected an object")
    found = {name: given[name] for name in QUALIFIERS if given.get(name) is not None} | dict(said or {})
    if any(_NAME.fullmatch(name) is None for name in found):
        raise SchemaError("qualifiers: expected names of small letters")
    kept = [name for name in found if not name.startswith(("x_", "_")) and not isinstance(found[name], bool)]
    pairs = {_QUALIFIER_NAMES.get(name, name): " ".join(texts_of(found, name)).strip() for name in kept}
    return tuple(sorted((name, value) for name, value in pairs.items() if value))


def _polarity(given: Json) -> Polarity:
    negated = flag_of(given, "negated")
    said = text_of(given, "polarity").casefold() or ("negated" if negated else "affirmed")
    names = {"negative": "negated", "n": "negated", "positive": "affirmed", "p": "affirmed", "asserted": "affirmed"}
    try:
        return Polarity(names.get(said, said))
    except ValueError:
        raise SchemaError("polarity: expected affirmed or negated") from None


def _certainty(given: Json) -> Certainty:
    said = text_of(given, "certainty").casefold() or "definite"
    names = {"certain": "definite", "hypothetical": "possible", "speculated": "possible", "hedged": "possible"}
    try:
        return Certainty(names.get(said, said))
    except ValueError:
        raise SchemaError("certainty: expected definite, probable or possible") from None


def _evidence(given: Json, documents: tuple[str, ...]) -> tuple[CaseEvidence, ...]:
    listed = find(given, "evidence")
    own = {name: given[name] for name in given if name in _PIECE and name != "text"}
    if isinstance(listed, str):
        pieces = [_piece({**own, "quote": listed}, documents)]
    else:
        pieces = [_piece({**_shared(own), **one}, documents) for one in objects_of(given, "evidence")]
        if find(own, *_QUOTED) is not None:
            pieces.append(_piece(own, documents))
    if find(given, "quote_old") is not None:
        other = text_of(given, "previous_document") or (documents[1] if len(documents) > 1 else "")
        pieces.append(
            CaseEvidence(
                document_id=other or _named(given, documents),
                quote=text_of(given, "quote_old"),
                start=number_of(given, "quote_old_start"),
                end=number_of(given, "quote_old_end"),
                role="previous",
            )
        )
    return tuple(pieces)


def _shared(own: Json) -> Json:
    """What a candidate says for all of its quotes: the document and its version."""
    return {name: own[name] for name in own if name in {*_DOCUMENT, "version", "source_version"}}


def _piece(given: Json, documents: tuple[str, ...]) -> CaseEvidence:
    if any(name not in _PIECE and not name.startswith(("x_", "_")) for name in given):
        raise SchemaError("evidence: a field that the schema does not know")
    start, end = _offsets(given)
    return CaseEvidence(
        document_id=_named(given, documents),
        quote=_quote(given),
        start=start,
        end=end,
        role=text_of(given, "role") or "claim",
        section=text_of(given, "section"),
        version=text_of(given, "version", "source_version"),
    )


def _quote(given: Json) -> str:
    value = find(given, *_QUOTED)
    if value is not None and not isinstance(value, str):
        raise SchemaError("quote: expected text")
    return value or ""


def _offsets(given: Json) -> tuple[int | None, int | None]:
    pair = find(given, *_PAIR)
    if isinstance(pair, Mapping):
        given = pair
    if isinstance(pair, list):
        if len(pair) != 2:
            raise SchemaError("offsets: expected start and end")
        given = {"start": pair[0], "end": pair[1]}
    start, end = number_of(given, *_START), number_of(given, *_END)
    if (start is None) != (end is None):
        raise SchemaError("offsets: expected start and end, got one of them")
    return start, end


def _named(given: Json, documents: tuple[str, ...]) -> str:
    return text_of(given, *_DOCUMENT) or documents[0]
