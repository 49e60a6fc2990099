"""One case: a candidate, the documents that it quotes, and what should become of it. Read from a line of JSON.

Owns the format of docs/llm.md. Reading is generous about names and strict about a candidate's fields, as the lane's
own schema is: a candidate that is not of the schema is a result (refused), a case that is not JSON is an error.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from connectors.notice import HiddenText, Section
from workflow.errors import UsageError
from workflow.grounding.candidate_fields import (
    CaseEvidence,
    ReadCandidate,
    document_named,
    read_candidate,
    unknown_fields,
)
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
_CANDIDATE: Final = ("candidate", "fact", "proposal")
_IDS: Final = ("id", "document_id", "doc_id", "source_id", "doc")
_NAMES: Final = (
    *("names", "product_names", "products", "product", "drugs", "drug", "drug_name", "product_name"),
    *("generic_name", "brand_name", "brand_names", "generic_names", "ingredient", "ingredients", "substance"),
)
CaseJson = dict[str, JsonValue]
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


@dataclass(frozen=True)
class CaseFile:
    """A file of cases: what could be read, and one line for each record that could not."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Fields of most candidates that the format does not know: the file's own, passed over."""


def read_cases(path: Path) -> CaseFile:
    """Read a file of cases: one JSON object a line, or one JSON list. Empty lines and lines that begin with # are none.

    A candidate's field that the format does not know refuses it, unless so many candidates of the file have it that it
    is the file's own.

    Raises:
        UsageError: It cannot be read, or no record in it is a case.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected lines of JSON, got {type(error).__name__}") from None
    problems: list[str] = []
    records: list[tuple[int, CaseJson]] = []
    for number, line in _lines(text):
        try:
            records.append((number, _JSON.validate_json(line)))
        except (ValidationError, RecursionError):
            problems.append(f"{path}, line {number}: not a JSON object; the format stands in docs/llm.md")
    unread = _fields_of_the_file([given for _, given in records])
    cases = []
    for number, given in records:
        try:
            cases.append(case_of(given, number, unread=unread))
        except (SchemaError, ValidationError, RecursionError) as error:
            what = str(error) if isinstance(error, SchemaError) else "a value is not of the format"
            problems.append(f"{path}, line {number}: {what}; the format stands in docs/llm.md")
    if not cases:
        raise UsageError(problems[0] if problems else f"{path}: expected cases, one JSON object a line, got none")
    return CaseFile(tuple(cases), tuple(problems), tuple(sorted(unread)))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    if text.lstrip().startswith("["):
        try:
            listed = TypeAdapter(list[JsonValue]).validate_json(text)
        except ValidationError:
            listed = []
        yield from ((number, json.dumps(one)) for number, one in enumerate(listed, start=1))
        if listed:
            return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _fields_of_the_file(records: Sequence[CaseJson]) -> frozenset[str]:
    """Unknown fields of the candidates that at least a fifth of them have, of five or more."""
    found = Counter(
        name
        for given in records
        if isinstance(fact := find(given, *_CANDIDATE), Mapping)
        for name in unknown_fields(fact)
    )
    return frozenset(name for name, count in found.items() if count >= max(5, 0.2 * len(records)))


def read_case(line: str, number: int = 1) -> Case:
    """Read one case.

    Raises:
        SchemaError: It has no candidate or no document.
        ValidationError: It is no JSON object.
    """
    return case_of(_JSON.validate_json(line), number)


def case_of(given: CaseJson, number: int, *, unread: frozenset[str] = frozenset()) -> Case:
    """Read one case out of its JSON; ``unread`` are fields of candidates to pass over.

    Raises:
        SchemaError: It has no candidate or no document.
    """
    fact = find(given, *_CANDIDATE)
    if not isinstance(fact, Mapping):
        raise SchemaError("expected a candidate, got none")
    documents = _documents(given, document_named(fact))
    kind = text_of(given, "kind", "corruption", "corruption_kind", "corrupted_by", "type", "label").strip() or RIGHT
    right = _is_right(given, kind)
    candidate, problem = _candidate(fact, documents, unread)
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


def _candidate(
    fact: Json, documents: tuple[CaseDocument, ...], unread: frozenset[str]
) -> tuple[ReadCandidate | None, str]:
    try:
        return read_candidate(fact, tuple(document.document_id for document in documents), unread=unread), ""
    except (SchemaError, ValidationError) as error:
        return None, str(error) if isinstance(error, SchemaError) else "a value is not of the schema"


def _known(fact: Json, documents: tuple[CaseDocument, ...]) -> ReadCandidate:
    return read_candidate(fact, tuple(document.document_id for document in documents), needs_quote=False)


def _documents(given: Json, named: str) -> tuple[CaseDocument, ...]:
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
        pieces = ({**given, "id": named or "d1"},)
    if not pieces:
        raise SchemaError("expected documents, got none")
    if len(pieces) == 1 and named and find(pieces[0], *_IDS) is None:
        pieces = ({**pieces[0], "id": find(given, *_IDS[1:]) or named},)
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
        document_id=text_of(given, *_IDS) or f"d{number}",
        text=text,
        names=_names(given),
        title=text_of(given, "title"),
        key=text_of(given, "key", "set_id", "thing"),
        version=text_of(given, "version", "source_version"),
        newest=newest if newest is not None else not stale,
        retracted=bool(flag_of(given, "retracted", "is_retracted")),
        sections=tuple(_section(one, len(text)) for one in objects_of(given, "sections")),
        hidden=tuple(HiddenText(piece, "hidden") for piece in texts_of(given, "hidden", "hidden_text")),
    )


def _names(given: Json) -> tuple[str, ...]:
    """The document's own product: as stated, else as its title begins ("HUMIRA (adalimumab) injection")."""
    stated = tuple(name for field in _NAMES for name in texts_of(given, field))
    if stated:
        return tuple(dict.fromkeys(stated))
    head, bracket, rest = text_of(given, "title").partition("(")
    inside = rest.partition(")")[0] if bracket else ""
    return tuple(name for one in (head, inside) if (name := one.partition(",")[0].strip(" -:")) and len(name) <= 60)


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


__all__ = [
    "RIGHT",
    "Case",
    "CaseDocument",
    "CaseEvidence",
    "CaseFile",
    "case_of",
    "read_case",
    "read_cases",
    "write_case",
]
