"""What one night did, as one frozen record: the source of the Markdown, HTML and JSON reports and of ``runs.report``.

Owns field names and totals only. It holds ids, counts, names and one-line reasons; never a document's text beyond
the fact that a candidate proposes, and never a prompt, a reply or a key. Rendering lives in ``render``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


class ReportRecord(BaseModel):
    """Base of the report's parts: frozen and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceLine(ReportRecord):
    """How one source did."""

    source: str
    status: str
    """``done``, ``failed`` or ``skipped`` (not asked for in this run)."""
    window_first: str | None = None
    """First day asked for, ISO."""
    window_last: str | None = None
    documents: int = 0
    notices_new: int = 0
    unreadable: tuple[str, ...] = ()
    """What was received and could not be read, one line each."""
    error: str | None = None
    stale_days: int | None = None
    """Days between the last day read and the run's day; None where the source was never read."""


class CandidateLine(ReportRecord):
    """One candidate in one line."""

    candidate_id: str
    subject: str
    relation: str
    object_new: str
    object_old: str | None = None
    question: str = ""
    """The question that the fact answers, with its population; empty where it was refused before it got one."""
    reason: str = ""
    """Why it was refused, or needs no edit; empty otherwise."""
    carrier: str = ""
    """How it entered the model when it was rehearsed last; empty where it was not."""


class AffectedLine(ReportRecord):
    """An edit, live or pending, whose evidence rests on a notice that was taken back or replaced."""

    edit_id: str
    subject: str
    relation: str
    why: str
    proposal_id: str | None = None
    """The candidate that proposes to withdraw it."""


class EjectedLine(ReportRecord):
    """An edit that the gate took out of its batch; the others keep their signatures."""

    edit_id: str
    subject: str
    relation: str
    reason: str


class BatchLine(ReportRecord):
    """One batch as the night left it."""

    batch_id: str
    state: str
    edits: int
    """Edits still in it."""
    gate_id: str | None = None
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    """Why the gate refused or held it, one line each."""
    ejected: tuple[EjectedLine, ...] = ()
    release_id: int | None = None
    """The release that it became, where it was promoted."""
    waiting_for: str = ""
    """What a person has to do, as a command; empty where nothing waits."""


class LiveLine(ReportRecord):
    """What is served."""

    release_id: int
    digest: str
    edits: int
    check_state: str
    stopped: bool = False
    stop_reason: str = ""


class LlmUse(ReportRecord):
    """What the extraction back end was asked for."""

    model: str = ""
    """Empty for the embedded rules."""
    calls: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    failed_documents: tuple[str, ...] = ()
    """Documents that stay waiting because the back end failed, by id."""


class OutcomeLine(ReportRecord):
    """What became of earlier decisions: ``7``, ``promoted in release 12``."""

    count: int
    words: str


class NightReport(ReportRecord):
    """One night from sources to live."""

    run_id: str
    now: str
    """The night's clock (``--now``), UTC ISO-8601."""
    started_at: str = ""
    finished_at: str = ""
    site_name: str = ""
    """As the settings have it (``site.name``)."""
    site_kind: str = "hospital"
    signer_profile: str = "two_signer"
    sources: tuple[SourceLine, ...] = ()
    changes: dict[str, int] = Field(default_factory=dict)
    """Changes by kind."""
    out_of_scope: int = 0
    """Changes that were counted and stay searchable, and are never pending."""
    proposed: tuple[CandidateLine, ...] = ()
    """Candidates that passed the wall tonight."""
    refused: tuple[CandidateLine, ...] = ()
    """Proposals that the wall refused, each with its reason."""
    no_edit_needed: tuple[CandidateLine, ...] = ()
    """Candidates whose fact the model already says; asked again every night."""
    pending: int = 0
    """Candidates that wait for a person when the night ends, second signatures included."""
    awaiting_second: int = 0
    affected: tuple[AffectedLine, ...] = ()
    live_check: str = ""
    """The newest check of what is live, in one line; empty where none was made."""
    exposures: tuple[str, ...] = ()
    """What the live model said wrongly when it was last asked, and for how many days; a line each."""
    lost_signatures: tuple[str, ...] = ()
    """What was signed and closed or sent back before it was live: by what, and what comes next; a line each."""
    batches: tuple[BatchLine, ...] = ()
    live: LiveLine | None = None
    audit_head: str = ""
    audit_length: int = 0
    llm: LlmUse = Field(default_factory=LlmUse)
    yesterday: tuple[OutcomeLine, ...] = ()
    """What became of the decisions taken since the night before."""
    warnings: tuple[str, ...] = ()
    """Standing warnings (trust domain, anchor, profile, demo) and the night's own, one line each."""
    exit_code: int = 0

    @property
    def failed_sources(self) -> tuple[SourceLine, ...]:
        """The sources that the next night will try again."""
        return tuple(line for line in self.sources if line.status == "failed")

    @property
    def waiting(self) -> tuple[BatchLine, ...]:
        """The batches for which a person is needed."""
        return tuple(line for line in self.batches if line.waiting_for)
