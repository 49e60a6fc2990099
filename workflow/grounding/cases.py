"""One case: a candidate, the documents that it quotes, and what should become of it. Read from a line of JSON.

Owns the format of docs/llm.md. Reading is generous about names and strict about a candidate's fields, as the lane's
own schema is: a candidate that is not of the schema is a result (refused), a case that is not JSON is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from connectors.notice import HiddenText, Section
from workflow.errors import UsageError
from workflow.grounding.candidate_fields import CaseEvidence, ReadCandidate, read_candidate
from workflow.grounding.fields import Json, SchemaError, find, flag_of, number_of, objects_of, text_of, texts_of

RIGHT: Final = "right"
_RIGHT_WORDS: Final = frozenset(
    {"right", "correct", "gold", "none", "clean", "ok", "true", "original", "uncorrupted", ""}
)
_ADMITS: Final = frozenset({"admit", "admitted", "accept", "accepted", "pass", "right", "true", "1", "yes"})
_SEMANTIC: Final = re.compile(
    r"negat|hedg|certain|popul|qualif|swap|revers|duplic|alias|inject|instruct|polarity|semantic|adversar|condition",
    re.IGNORECASE,
)
_JSON: Final = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True)
class CaseDocument:
    """A document as the wall sees it."""

    document_id: str
    text: str = field(repr=False)
    names: tuple[str, ...] = ()
    title: str = ""
    key: str = ""
    version: str = ""
    newest: bool = True
    retracted: bool = False
    sections: tuple[Section, ...] = ()
    hidden: tuple[HiddenText, ...] = ()


@dataclass(frozen=True)
class Case:
    """A candidate with its documents; ``problem`` says why it is not of the schema, where it is not."""

    case_id: str
    kind: str
    right: bool
    """Whether it should be admitted."""
    semantic: bool
    """Whether the corruption is one of meaning, which may also go to a person."""
    documents: tuple[CaseDocument, ...]
    candidate: ReadCandidate | None
    problem: str = ""
    existing: tuple[ReadCandidate, ...] = ()
    """What the queue and the memory hold already."""
    aliases: tuple[tuple[str, ...], ...] = ()
    """Groups of names that mean the same, ingredient first."""
    group: str = ""
    """The set that it comes from, for the report."""


def read_cases(path: Path) -> Iterator[Case]:
    """Read a file of cases, one JSON object a line; empty lines and lines that begin with # are skipped.

    Raises:
        UsageError: It cannot be read, or a line is no case.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected lines of JSON, got {type(error).__name__}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                yield read_case(line, number)
            except (SchemaError, ValidationError, RecursionError) as error:
                what = str(error) if isinstance(error, SchemaError) else "not a JSON object"
                raise UsageError(f"{path}, line {number}: {what}; the format stands in docs/llm.md") from None


def read_case(line: str, number: int = 1) -> Case:
    """Read one case.

    Raises:
        SchemaError: It has no candidate or no document.
        ValidationError: It is no JSON object.
    """
    given = _JSON.validate_json(line)
    fact = find(given, "candidate", "fact", "proposal")
    if not isinstance(fact, Mapping):
        raise SchemaError("expected a candidate, got none")
    documents = _documents(given)
    kind = text_of(given, "kind", "corruption", "corrupted_by", "type", "label").strip() or RIGHT
    right = _is_right(given, kind)
    candidate, problem = _candidate(fact, documents)
    return Case(
        case_id=text_of(given, "id", "case_id", "case") or str(number),
        kind=RIGHT if right and kind.casefold() in _RIGHT_WORDS else kind,
        right=right,
        semantic=not right and _is_semantic(given, kind),
        documents=_versioned(given, documents, candidate),
        candidate=candidate,
        problem=problem,
        existing=tuple(_known(one, documents) for one in objects_of(given, "existing", "queue", "memory", "known")),
        aliases=_aliases(given),
        group=text_of(given, "group", "set", "dataset", "source"),
    )


def _is_right(given: Json, kind: str) -> bool:
    expected = find(given, "expect", "expected", "admit", "should_admit", "verdict", "right", "gold")
    if expected is not None:
        return str(expected).casefold() in _ADMITS
    corrupted = find(given, "corrupted", "is_corrupted")
    if corrupted is not None:
        return corrupted is False
    return kind.casefold() in _RIGHT_WORDS


def _is_semantic(given: Json, kind: str) -> bool:
    severity = text_of(given, "class", "severity", "level")
    if severity:
        return severity.casefold().startswith("sem")
    return _SEMANTIC.search(kind) is not None


def _candidate(fact: Json, documents: tuple[CaseDocument, ...]) -> tuple[ReadCandidate | None, str]:
    try:
        return read_candidate(fact, tuple(document.document_id for document in documents)), ""
    except (SchemaError, ValidationError) as error:
        return None, str(error) if isinstance(error, SchemaError) else "a value is not of the schema"


def _known(fact: Json, documents: tuple[CaseDocument, ...]) -> ReadCandidate:
    return read_candidate(fact, tuple(document.document_id for document in documents), needs_quote=False)


def _documents(given: Json) -> tuple[CaseDocument, ...]:
    listed = find(given, "documents", "docs", "sources")
    if isinstance(listed, Mapping) and not any(name in listed for name in ("text", "content", "body")):
        pieces: tuple[Json, ...] = tuple(
            {"id": name, **one} if isinstance(one, Mapping) else {"id": name, "text": one}
            for name, one in listed.items()
        )
    else:
        pieces = objects_of(given, "documents", "docs", "sources")
    single = find(given, "document", "doc", "context")
    if isinstance(single, str):
        pieces += ({"text": single},)
    elif isinstance(single, Mapping):
        pieces += (single,)
    if not pieces and isinstance(find(given, "text", "sentence"), str):
        pieces = ({**given, "id": "d1"},)
    if not pieces:
        raise SchemaError("expected documents, got none")
    found = tuple(_document(piece, number) for number, piece in enumerate(pieces, start=1))
    if len({one.document_id for one in found}) < len(found):
        raise SchemaError("documents: expected ids of their own, got one twice")
    return found


def _document(given: Json, number: int) -> CaseDocument:
    text = find(given, "text", "content", "body", "sentence", "context")
    if not isinstance(text, str):
        raise SchemaError("document: expected its text, got none")
    newest, stale = flag_of(given, "newest", "is_newest", "current"), flag_of(given, "stale", "superseded", "outdated")
    return CaseDocument(
        document_id=text_of(given, "id", "document_id", "doc_id", "source_id", "doc") or f"d{number}",
        text=text,
        names=texts_of(given, "names", "product_names", "products", "product", "drugs", "drug"),
        title=text_of(given, "title"),
        key=text_of(given, "key", "set_id", "thing"),
        version=text_of(given, "version", "source_version"),
        newest=newest if newest is not None else not stale,
        retracted=bool(flag_of(given, "retracted", "is_retracted")),
        sections=tuple(_section(one, len(text)) for one in objects_of(given, "sections")),
        hidden=tuple(HiddenText(piece, "hidden") for piece in texts_of(given, "hidden", "hidden_text")),
    )


def _section(given: Json, length: int) -> Section:
    start, end = number_of(given, "start"), number_of(given, "end")
    return Section(
        text_of(given, "code"), text_of(given, "title", "name"), start or 0, length if end is None else min(end, length)
    )


def _versioned(
    given: Json, documents: tuple[CaseDocument, ...], candidate: ReadCandidate | None
) -> tuple[CaseDocument, ...]:
    """Mark what is not the newest: by versions of one key, the case's newest version, the version that is quoted."""
    current = text_of(given, "newest_version", "current_version")
    last: dict[str, tuple[int, ...]] = {}
    for one in documents:
        if one.key and one.version:
            last[one.key] = max(last.get(one.key, ()), _rank(one.version))
    quoted = {piece.document_id: piece.version for piece in (candidate.evidence if candidate else ()) if piece.version}

    def newest(one: CaseDocument) -> bool:
        older = bool(one.key and one.version) and _rank(one.version) < last[one.key]
        other = bool(current) and bool(one.version) and one.version != current
        said = quoted.get(one.document_id, one.version)
        return one.newest and not older and not other and said == (one.version or said)

    return tuple(_with_newest(one, newest=newest(one)) for one in documents)


def _with_newest(one: CaseDocument, *, newest: bool) -> CaseDocument:
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return CaseDocument(**{**fields, "newest": newest})


def _rank(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)) or (0,)


def _aliases(given: Json) -> tuple[tuple[str, ...], ...]:
    value = find(given, "aliases", "alias_table")
    if isinstance(value, Mapping):
        return tuple((name, *texts_of(value, name)) for name in value)
    if isinstance(value, list):
        return tuple(texts_of({"group": group}, "group") for group in value)
    return ()


def write_case(case: Mapping[str, JsonValue]) -> str:
    """Write a case as one line of JSON."""
    return json.dumps(case, ensure_ascii=False)


__all__ = ["RIGHT", "Case", "CaseDocument", "CaseEvidence", "read_case", "read_cases", "write_case"]
