"""What a language model may answer: a closed schema, evidence before claim.

Owns the reply's types and the JSON schema sent to the server. Every string is bounded, every field required, null
where a thing is absent. A retraction or a label change is no relation here: only a connector can tell one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from workflow.intake.wordings import WORDINGS
from workflow.records import Certainty, Polarity

RELATIONS: Final = tuple(relation for relation in WORDINGS if relation != "evidence_for")
"""What can be asked about, without what only a connector can tell."""
OTHER_RELATION: Final = "other"

MAX_QUOTE_CHARS: Final = 1200
MAX_NAME_CHARS: Final = 200
MAX_OBJECT_CHARS: Final = 300
MAX_FACTS: Final = 8


_PEOPLE: Final = ("renal_function", "hepatic_function", "pregnancy")
_SPANNING: Final = frozenset({"for", "during", "until", "up", "over", "within"})


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
Qualifier = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)] | None
Quote = Annotated[str, Field(min_length=1, max_length=MAX_QUOTE_CHARS)]


class LlmQualifiers(_Reply):
    """The conditions under which the fact holds; all named on the wire, null where the text names none."""

    population: Qualifier = None
    renal_function: Qualifier = None
    hepatic_function: Qualifier = None
    pregnancy: Qualifier = None
    condition: Qualifier = None
    dose: Qualifier = None
    route: Qualifier = None
    form: Qualifier = None
    duration: Qualifier = None
    outcome: Qualifier = None
    jurisdiction: Qualifier = None

    def named(self) -> dict[str, str]:
        """The qualifiers that the text names, as questions carry them.

        Kidneys, liver and pregnancy say about whom a fact is, so that they join the population; how long something is
        given is a circumstance.
        """
        said = {name: value.strip() for name, value in self if value is not None and value.strip()}
        people = [said.pop(name) for name in ("population", *_PEOPLE) if name in said]
        whole = [one for at, one in enumerate(people) if not any(one in other for other in people[:at])]
        if whole:
            said["population"] = " with ".join(whole)
        if "duration" in said:
            length = said.pop("duration")
            said["circumstance"] = length if length.split()[0].casefold() in _SPANNING else f"for {length}"
        return said


class LlmFact(_Reply):
    """One fact as the model read it: the quote first, then the claim made of it."""

    quote: Quote
    """Copied from the new text; code finds it there, or the fact is refused."""
    subject: Name
    relation: Annotated[str, Field(max_length=64, json_schema_extra={"enum": [*RELATIONS, OTHER_RELATION]})]
    """A word of ``RELATIONS``; anything else refuses this fact, not the whole reply."""
    object_new: Annotated[str, Field(min_length=1, max_length=MAX_OBJECT_CHARS)]
    qualifiers: LlmQualifiers
    polarity: Polarity
    certainty: Certainty


class LlmReply(_Reply):
    """One document's answer. ``no_change`` is an answer like any other, and then there are no facts."""

    quote: Quote | None
    """The changed words that the answer rests on, null where nothing of substance changed."""
    no_change: bool
    facts: Annotated[tuple[LlmFact, ...], Field(max_length=MAX_FACTS)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.no_change and self.facts:
            raise ValueError("no_change is true, yet facts are given")
        return self


JsonObject = dict[str, JsonValue]
_JSON_OBJECT: Final = TypeAdapter(JsonObject)
_DROPPED_WORDS: Final = frozenset({"title", "description", "default"})


def reply_schema() -> JsonObject:
    """The JSON schema of ``LlmReply`` in the subset that OpenAI-compatible servers share: no references, no titles."""
    return schema_of(LlmReply)


def schema_of(kind: type[BaseModel]) -> JsonObject:
    """The JSON schema of a reply, every field required, in the subset that servers share."""
    schema: dict[str, Any] = kind.model_json_schema()
    return _JSON_OBJECT.validate_python(_inlined(schema, schema.get("$defs", {})))


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[str(node["$ref"]).rsplit("/", 1)[-1]], definitions)
    found = {
        key: {name: _inlined(value, definitions) for name, value in item.items()}
        if key == "properties"
        else _inlined(item, definitions)
        for key, item in node.items()
        if key != "$defs" and key not in _DROPPED_WORDS
    }
    return {**found, "required": list(found["properties"])} if "properties" in found else found
