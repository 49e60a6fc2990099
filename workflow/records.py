"""The records that travel through the workflow: change, candidate, evidence, and their states.

Frozen pydantic models: what is stored in the ledger as a body is one of these, written by ``model_dump_json`` and
read back strictly. No behaviour beyond hashes and names; the rules live with the steps.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ChangeKind(StrEnum):
    """What a notice says that the previous version did not."""

    BASELINE = "baseline"
    NEW = "new"
    REVISED = "revised"
    CORRECTED = "corrected"
    CONCERN = "concern"
    PARTLY_RETRACTED = "partly_retracted"
    RETRACTED = "retracted"
    REINSTATED = "reinstated"
    WITHDRAWN = "withdrawn"
    FLAGGED = "flagged"
    """No source changed: somebody calls an answer wrong."""


class Action(StrEnum):
    """What an approved candidate does to the memory."""

    EDIT = "edit"
    WITHDRAW = "withdraw"
    FLAG = "flag"
    """Changes nothing by itself: an answer that somebody calls wrong, for a person to look at."""


class Risk(StrEnum):
    """How many signers a candidate asks for: low one, high two distinct ones (unless the site has one signer)."""

    LOW = "low"
    HIGH = "high"


class CandidateState(StrEnum):
    """Where a candidate stands."""

    REFUSED = "refused"
    PROPOSED = "proposed"
    NO_EDIT_NEEDED = "no_edit_needed"
    PENDING = "pending"
    AWAITING_SECOND = "awaiting_second"
    DEFERRED = "deferred"
    APPROVED = "approved"
    REJECTED = "rejected"
    BATCHED = "batched"
    CLOSED = "closed"


class BatchState(StrEnum):
    """Where a batch stands."""

    OPEN = "open"
    STAGED = "staged"
    PASSED = "passed"
    HELD = "held"
    REFUSED = "refused"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """A reviewer's choice."""

    APPROVE = "approve"
    FIX_AND_APPROVE = "fix_and_approve"
    REJECT = "reject"
    DEFER = "defer"
    CLOSE = "close"
    """Nothing to do here, whether it is true or not."""


class GateVerdict(StrEnum):
    """What the gate says of a batch."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REFUSE = "refuse"
    HOLD = "hold"


class ObjectOrigin(StrEnum):
    """Where an old object comes from; never from the extraction LLM."""

    PREVIOUS_VERSION = "previous_version"
    LIVE_MEMORY = "live_memory"
    BASE_MODEL = "base_model"
    UNKNOWN = "unknown"


class Polarity(StrEnum):
    """Whether the text says that the fact holds, or that it does not."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"


class Certainty(StrEnum):
    """How sure the text is, not who read it."""

    DEFINITE = "definite"
    PROBABLE = "probable"
    POSSIBLE = "possible"


class NearMissKind(StrEnum):
    """What a near miss differs in from the candidate."""

    OTHER_RELATION = "other_relation"
    OTHER_SUBJECT = "other_subject"
    OTHER_POPULATION = "other_population"
    LOOK_ALIKE = "look_alike"


LIST_RELATIONS = frozenset(
    {
        "interacts_with",
        "contraindicated_with",
        "contraindicated_in",
        "warning",
        "adverse_reaction",
        "monitor_with",
        "indicated_for",
        "no_longer_indicated_for",
        "not_recommended_for",
        "recalled",
        "retracted_evidence_for",
        "other",
    }
)
"""Relations whose objects stand beside each other: adding one removes none. The rest of the vocabulary, with types and
risks, is in ``workflow.intake.relations``."""


class Record(BaseModel):
    """Base of every stored record: frozen and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NearMiss(Record):
    """A question next to the candidate's whose answer must not move."""

    question: str
    kind: NearMissKind


class Evidence(Record):
    """A quote and where it stands; the offsets are computed by code and are into the document's text."""

    document_id: str
    """Key of the document in the ledger."""
    notice_id: str
    """The notice (one version of one thing) that the quote belongs to."""
    role: str
    """``claim`` (says the new object), ``previous`` (said the old one), ``retraction`` (takes it back)."""
    quote: str
    start: int
    end: int
    section: str = ""


class Checked(Record):
    """What a check said of a candidate when it was proposed."""

    name: str
    """``wall`` or ``entailment``."""
    passed: bool | None = None
    """None where it did not decide: it asks for a person, or gave nothing usable."""
    words: str


_ADDED_LATER = ("polarity", "certainty", "agreement", "subject_id", "checks")
"""Fields of a candidate that the first version did not have."""


class Candidate(Record):
    """A proposed counterfactual fact with its evidence, questions and probes."""

    action: Action = Action.EDIT
    subject: str
    """Generic (ingredient) name, or the condition, as the questions name it."""
    aliases: tuple[str, ...] = ()
    relation: str
    qualifiers: dict[str, str] = Field(default_factory=dict)
    """Qualifiers of the functional key: population, route, form, outcome; ``object`` is the item of a list that has a
    question of its own."""
    object_new: str
    object_old: str | None = None
    object_old_origin: ObjectOrigin = ObjectOrigin.UNKNOWN
    question: str
    paraphrases: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    must_not_assert: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    change_kind: ChangeKind
    risk: Risk
    flags: tuple[str, ...] = ()
    """What a reviewer must know before signing, one plain line each: hidden text, text that addresses a reviewer."""
    extractor: str
    """Name and version of what proposed it: ``rules/1`` or ``llm:<model>/<prompt sha256 prefix>``."""
    withdraws: str | None = None
    """For ``withdraw``: the edit that rests on what was taken back."""
    polarity: Polarity = Polarity.AFFIRMED
    """As the text says it; a negated fact is on record and never an edit of its own."""
    certainty: Certainty = Certainty.DEFINITE
    """As the text says it."""
    agreement: int | None = None
    """How many of two runs of a language model say so; orders the queue and decides nothing."""
    subject_id: str = ""
    """The subject in the site's vocabulary, ``RxNorm:161`` or ``MeSH:D006973``; empty where none holds it."""
    checks: tuple[Checked, ...] = ()
    """What the wall and the entailment check said of exactly this object; none after a reviewer's correction."""

    @field_validator("qualifiers")
    @classmethod
    def _in_order(cls, value: dict[str, str]) -> dict[str, str]:
        """Qualifiers are sorted by name, so that equal proposals have equal hashes."""
        return dict(sorted(value.items()))

    @property
    def key_qualifiers(self) -> tuple[tuple[str, str], ...]:
        """The qualifiers of the functional key in order; a list relation's object is one of them.

        So two contraindications of a drug are no rivals, and adding one closes none.
        """
        own = dict(self.qualifiers)
        if self.relation in LIST_RELATIONS:
            own["object"] = self.stated
        return tuple(sorted(own.items()))

    @property
    def item(self) -> str | None:
        """The item of a list that the question names, where it does; the new object is then what holds of it."""
        return self.qualifiers.get("object") if self.relation in LIST_RELATIONS else None

    @property
    def stated(self) -> str:
        """The object as the source states it: the item that the question names, else the new object."""
        return self.item or self.object_new

    @property
    def functional_key(self) -> str:
        """Subject, relation and qualifiers in one case-folded line, as ``editor_engine.Edit`` writes it."""
        parts = [self.subject, self.relation, *(f"{name}={value}" for name, value in self.key_qualifiers)]
        return "|".join(" ".join(part.casefold().split()) for part in parts)

    @property
    def content_sha256(self) -> str:
        """Hex digest over every field: the same proposal from the same evidence is the same candidate.

        A field of ``_ADDED_LATER`` counts where it says something: candidates of older versions keep their names.
        """
        unsaid = {name for name in _ADDED_LATER if getattr(self, name) == type(self).model_fields[name].default}
        return hashlib.sha256(self.model_dump_json(exclude=unsaid).encode()).hexdigest()

    @property
    def candidate_id(self) -> str:
        """Short name of the candidate, derived from its content."""
        return f"c-{self.content_sha256[:10]}"
