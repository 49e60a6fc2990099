"""The fields of FHIR R4 that a bundle uses, as strict models written from the specification's own tables.

AuditEvent: type, recorded, agent and source are required, an agent says whether it asked (``requestor``). Provenance:
target, recorded and agent (with ``who``) are required, an entity has a role and a ``what``, a signature has type, when
and who. Codes of required bindings are closed lists; an instant has seconds and a zone; an id at most 64 characters.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Uri = Annotated[str, Field(pattern=r"^\S+$")]
Code = Annotated[str, Field(pattern=r"^[^\s]+(\s[^\s]+)*$")]
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")]
Text = Annotated[str, Field(min_length=1)]
Base64 = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]


class Element(BaseModel):
    """Nothing but what is named here."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Coding(Element):
    """A code in a system."""

    system: Uri | None = None
    code: Code
    display: Text | None = None


class CodeableConcept(Element):
    """A coded or a plain-text concept."""

    coding: Annotated[list[Coding], Field(min_length=1)] | None = None
    text: Text | None = None


class Identifier(Element):
    """A name in a system."""

    system: Uri
    value: Text


class Reference(Element):
    """A reference by identifier, or by a display alone."""

    identifier: Identifier | None = None
    display: Text | None = None


class EventAgent(Element):
    """AuditEvent.agent."""

    who: Reference | None = None
    altId: Text | None = None  # noqa: N815 - FHIR's name
    requestor: bool


class EventSource(Element):
    """AuditEvent.source."""

    site: Text | None = None
    observer: Reference


class Detail(Element):
    """AuditEvent.entity.detail."""

    type: Text
    valueString: Text  # noqa: N815 - FHIR's name


class EventEntity(Element):
    """AuditEvent.entity."""

    what: Reference | None = None
    detail: list[Detail]


class AuditEvent(Element):
    """AuditEvent, R4."""

    resourceType: Literal["AuditEvent"]  # noqa: N815 - FHIR's name
    id: Id
    type: Coding
    subtype: list[Coding]
    action: Literal["C", "R", "U", "D", "E"]
    recorded: Instant
    outcome: Literal["0", "4", "8", "12"]
    agent: Annotated[list[EventAgent], Field(min_length=1)]
    source: EventSource
    entity: list[EventEntity]


class Agent(Element):
    """Provenance.agent."""

    type: CodeableConcept | None = None
    who: Reference


class Entity(Element):
    """Provenance.entity."""

    role: Literal["derivation", "revision", "quotation", "source", "removal"]
    what: Reference


class Signature(Element):
    """The data type Signature."""

    type: Annotated[list[Coding], Field(min_length=1)]
    when: Instant
    who: Reference
    targetFormat: Code  # noqa: N815 - FHIR's name
    data: Base64


class Provenance(Element):
    """Provenance, R4."""

    resourceType: Literal["Provenance"]  # noqa: N815 - FHIR's name
    id: Id
    target: Annotated[list[Reference], Field(min_length=1)]
    recorded: Instant
    reason: list[CodeableConcept] | None = None
    activity: CodeableConcept
    agent: Annotated[list[Agent], Field(min_length=1)]
    entity: list[Entity]
    signature: list[Signature] | None = None


class Entry(Element):
    """Bundle.entry."""

    fullUrl: Annotated[str, Field(pattern=r"^urn:uuid:[0-9a-f-]{36}$")]  # noqa: N815 - FHIR's name
    resource: Annotated[AuditEvent | Provenance, Field(discriminator="resourceType")]


class Bundle(Element):
    """Bundle of type collection."""

    resourceType: Literal["Bundle"]  # noqa: N815 - FHIR's name
    type: Literal["collection"]
    timestamp: Instant
    entry: list[Entry]
