"""The envelope: the site's written limits for what the night may promote without asking anybody.

A file of its own in the site, ``envelope.toml``, that counts only while the people who must sign it have signed exactly
these bytes. ``init`` writes a closed one. Every clause can refuse a batch, and the refusal names it; nothing here opens
anything that the gate refused.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from workflow.errors import SettingsError
from workflow.settings.parts import Line, Table
from workflow.settings.starter import comment

FILE_NAME = "envelope.toml"
_LARGEST = 100_000


class AllowTable(Table):
    """What a batch may hold."""

    relations: tuple[Line, ...] = ()
    """Relations that may go live by themselves, such as "indicated_for"; "*" for every one."""
    sources: tuple[Line, ...] = ()
    """Sources whose notices may be their evidence, by their names in medrek-flow.toml, such as "dailymed"; all of a
    fact's evidence has to come from these."""
    risks: tuple[Literal["low", "high"], ...] = ("low",)
    """Risks. High-risk facts (doses, contraindications, high-alert drugs) are better left to a person."""
    superseding: bool = False
    """Whether a fact may take the place of one that is in force."""
    expedited: bool = False
    """Whether an expedited fact may go without a person."""


class LimitsTable(Table):
    """How much at once, and how clean the gate must have come out."""

    most_edits_a_batch: Annotated[int, Field(ge=0)] = 0
    """Most edits of one batch."""
    most_edits_a_night: Annotated[int, Field(ge=0)] = 0
    """Most edits that went live by themselves within 24 hours."""
    most_ejected: Annotated[int, Field(ge=0)] = 0
    """Most edits that the gate took out of the batch: more is a sign that something is wrong with all of it."""
    most_faq_moved: Annotated[int, Field(ge=0)] = 0
    """Most answers of the clinical question set that moved, whatever the gate's own limit."""


class FitsTable(Table):
    """What this envelope was written for."""

    base_models: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """Digests of base models, as medrek-flow live shows them: an envelope does not follow a change of model."""


class Envelope(Table):
    """The whole file."""

    closed: bool = True
    """While true nothing goes live by itself. Set it to false, fill in the lists below, then have it signed."""
    expires: date = date(2000, 1, 1)
    """The last day on which it holds."""
    allow: AllowTable = AllowTable()
    limits: LimitsTable = LimitsTable()
    fits: FitsTable = FitsTable()


@dataclass(frozen=True)
class EnvelopeFile:
    """An envelope as it stands on disk."""

    envelope: Envelope
    sha256: str
    text: str


@dataclass(frozen=True)
class BatchFacts:
    """What the envelope's clauses look at."""

    batch_id: str
    relations: frozenset[str]
    sources: frozenset[str]
    """Sources of all evidence; the empty name stands for a fact without any."""
    risks: frozenset[str]
    edits: int
    edits_tonight: int
    """Edits that went live by themselves within 24 hours before."""
    ejected: int
    faq_moved: int
    supersedes: int
    expedited: bool
    base_model_digest: str


@dataclass(frozen=True)
class Outside:
    """One clause that a batch does not keep."""

    clause: str
    words: str

    @property
    def line(self) -> str:
        """The clause and what it found."""
        return f"{self.clause}: {self.words}"


def clauses_broken(envelope: Envelope, facts: BatchFacts, *, today: date) -> tuple[Outside, ...]:
    """Ask every clause of an envelope about a batch; empty where the batch lies inside."""
    allow, limits = envelope.allow, envelope.limits
    found: list[Outside] = []

    def ask(clause: str, words: str, *, broken: bool) -> None:
        if broken:
            found.append(Outside(clause, words))

    ask("closed", "expected false, got true: nothing goes live by itself", broken=envelope.closed)
    ask("expires", f"expected a day from {today} on, got {envelope.expires}", broken=envelope.expires < today)
    strange = _outside(facts.relations, allow.relations)
    ask("allow.relations", f"expected {_list(allow.relations)}, got {_list(strange)}", broken=bool(strange))
    strange = _outside(facts.sources, allow.sources)
    ask("allow.sources", f"expected {_list(allow.sources)}, got {_list(strange)}", broken=bool(strange))
    strange = set(facts.risks) - set(allow.risks)
    ask("allow.risks", f"expected {_list(allow.risks)}, got {_list(strange)}", broken=bool(strange))
    ask(
        "allow.superseding",
        f"{facts.supersedes} fact(s) in force would stop answering",
        broken=bool(facts.supersedes) and not allow.superseding,
    )
    ask("allow.expedited", "it is expedited: a person promotes it", broken=facts.expedited and not allow.expedited)
    for clause, most, got in (
        ("limits.most_edits_a_batch", limits.most_edits_a_batch, facts.edits),
        ("limits.most_edits_a_night", limits.most_edits_a_night, facts.edits_tonight + facts.edits),
        ("limits.most_ejected", limits.most_ejected, facts.ejected),
        ("limits.most_faq_moved", limits.most_faq_moved, facts.faq_moved),
    ):
        ask(clause, f"expected at most {most}, got {got}", broken=got > most)
    ask(
        "fits.base_models",
        f"expected {_list(one[:12] for one in envelope.fits.base_models)}, got {facts.base_model_digest[:12]}",
        broken=facts.base_model_digest not in envelope.fits.base_models,
    )
    return tuple(found)


def _outside(got: frozenset[str], allowed: tuple[str, ...]) -> set[str]:
    return set() if "*" in allowed and "" not in got else set(got) - set(allowed)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(name or "no source" for name in names)) or "none"


def read_envelope(root: Path) -> EnvelopeFile | None:
    """Read the site's envelope; None where there is none, which is the same as a closed one.

    Raises:
        SettingsError: it is too large, no TOML, or a clause is wrong: all on one line.
    """
    path = root / FILE_NAME
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror})") from error
    if len(raw) > _LARGEST:
        raise SettingsError(f"{path}: expected at most {_LARGEST} bytes, got {len(raw)}")
    try:
        text = raw.decode("utf-8")
        envelope = Envelope.model_validate(_tuples(tomllib.loads(text)))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: expected TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise SettingsError(f"{path}: {wrong}") from error
    return EnvelopeFile(envelope, hashlib.sha256(raw).hexdigest(), text)


def _tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def starter_envelope() -> str:
    """Write the closed starter file, every clause explained."""
    intro = (
        "The envelope: what the night may promote by itself. It is CLOSED: every batch waits for a person, which is a "
        "good way to run a site. To open it: say below what may go, set closed = false, then let medrek-flow envelope "
        "sign be run by the people who sign here (two on a two-signer site, one of them a release manager). Their "
        "signatures hold for exactly these bytes: whatever is changed afterwards closes it again. What the gate "
        "refuses or holds never goes live, whatever stands here. medrek-flow envelope check BATCH names the clauses "
        "that a batch does not keep."
    )
    lines = comment(intro)
    start = Envelope()
    for name, field in Envelope.model_fields.items():
        value = getattr(start, name)
        if not isinstance(value, Table):
            lines += ["", *comment(field.description or ""), f"{name} = {_toml(value)}"]
    for name in ("allow", "limits", "fits"):
        table: Table = getattr(start, name)
        lines += ["", *comment(type(table).__doc__ or ""), f"[{name}]"]
        for clause, field in type(table).model_fields.items():
            lines += [*comment(field.description or ""), f"{clause} = {_toml(getattr(table, clause))}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return value.isoformat() if isinstance(value, date) else str(value)
