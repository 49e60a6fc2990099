"""The tables of the ledger, as SQLAlchemy Core metadata; migrations build the same schema.

State changes and their audit rows go in one transaction (``Ledger.write``). Bodies are JSON text written by the
records of ``workflow.records``. Times are UTC ISO-8601 text with seconds, so that they sort and hash alike everywhere.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from workflow.ledger.schema import metadata, optional, text

# --- site and people -------------------------------------------------------------------------------------------------

site = Table(
    "site",
    metadata,
    Column("id", Integer, primary_key=True),
    text("kind"),  # "hospital" or "demo", for ever
    text("signer_profile"),  # "one_signer" or "two_signer"
    text("created_at"),
    CheckConstraint("id = 1", name="one_row"),
)

reviewers = Table(
    "reviewers",
    metadata,
    Column("reviewer_id", Text, primary_key=True),  # the operating system's user name; on a demo site a scripted name
    text("name"),
    text("role"),
    text("pin_hash"),  # scrypt parameters, salt and digest
    Column("scripted", Integer, nullable=False, server_default="0"),
    text("created_at"),
    text("duties", default="reviewer,second_signer,release_manager"),  # workflow.change_control.roles.Role
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    text("holder"),  # host:pid:token
    Column("fence", Integer, nullable=False),  # grows with every new holder; a commit under an old fence is refused
    text("since", default=""),
    text("until"),  # empty once it was given back
)

# --- what came -------------------------------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    text("started_at"),
    optional("finished_at"),
    text("now"),
    optional("since"),
    text("status"),  # running, done
    Column("exit_code", Integer, nullable=True),
    text("report", default="{}"),
)

source_runs = Table(
    "source_runs",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), primary_key=True),
    Column("source", Text, primary_key=True),
    text("status"),  # done, failed
    text("window_first"),
    text("window_last"),
    Column("documents", Integer, nullable=False, server_default="0"),
    Column("notices_new", Integer, nullable=False, server_default="0"),
    text("unreadable", default="[]"),
    optional("error"),
    text("finished_at"),
)

cursors = Table("cursors", metadata, Column("source", Text, primary_key=True), text("last_day"), text("moved_at"))

source_marks = Table(  # what a source asks better with next time: an entity tag, a file's hash
    "source_marks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    text("value"),
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", Text, primary_key=True),  # sha256 over raw sha256, extractor and text sha256
    text("raw_sha256"),
    text("text_sha256"),
    text("extractor"),
    text("media_type"),
    text("origin"),
    text("fetched_at"),
    Column("byte_count", Integer, nullable=False),
    text("hidden", default="[]"),  # [{"text", "why"}]
)

notices = Table(
    "notices",
    metadata,
    Column("notice_id", Text, primary_key=True),  # n- and the first 16 hex digits over source, key, version
    text("source"),
    text("kind"),
    text("key"),
    text("version"),
    text("title"),
    Column("document_id", Text, ForeignKey("documents.document_id"), nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    text("body"),  # the notice's remaining fields as JSON: published, sections, names, recent_changes, url, licence
    text("content_sha256"),  # over the notice's text, so that an equal text under a new version is known as such
    Column("ordinal", Integer, nullable=False),  # order of arrival within the key: 1 is the baseline
    text("run_id"),
    text("first_seen_at"),
    UniqueConstraint("source", "key", "version"),
    Index("ix_notices_key", "source", "key", "ordinal"),
)

notice_identifiers = Table(
    "notice_identifiers",
    metadata,
    Column("notice_id", Text, ForeignKey("notices.notice_id"), primary_key=True),
    Column("role", Text, primary_key=True),  # self or cites
    Column("scheme", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Index("ix_notice_identifiers_value", "scheme", "value"),
)

assertions = Table(
    "assertions",
    metadata,
    Column("assertion_id", Text, primary_key=True),
    Column("notice_id", Text, ForeignKey("notices.notice_id"), nullable=False),
    text("kind"),
    text("by_identifiers"),  # [["pmid", "1"], ...]
    text("target_identifiers"),
    text("note"),
    Index("ix_assertions_notice", "notice_id"),
)

# --- what is proposed ------------------------------------------------------------------------------------------------

changes = Table(
    "changes",
    metadata,
    Column("change_id", Text, primary_key=True),
    text("run_id"),
    Column("notice_id", Text, ForeignKey("notices.notice_id"), nullable=False),
    optional("previous_notice_id"),
    text("kind"),
    text("section", default=""),
    Column("start", Integer, nullable=True),  # the changed sentence in the new document's text
    Column("end", Integer, nullable=True),
    Column("old_start", Integer, nullable=True),
    Column("old_end", Integer, nullable=True),
    text("outcome"),  # waiting, extracted, no_change, out_of_scope, baseline
    Index("ix_changes_notice", "notice_id"),
)

candidates = Table(
    "candidates",
    metadata,
    Column("candidate_id", Text, primary_key=True),
    text("run_id"),
    optional("change_id"),
    text("created_at"),
    text("state"),
    text("action"),
    text("subject"),
    text("relation"),
    text("functional_key"),
    text("risk"),
    text("content_sha256"),
    text("body"),  # workflow.records.Candidate
    optional("reason"),  # why refused or closed
    optional("defer_until"),
    optional("replaced_by"),  # the fixed candidate that a reviewer made of it
    Index("ix_candidates_state", "state"),
    Index("ix_candidates_functional_key", "functional_key"),
    Index("ix_candidates_replaced_by", "replaced_by"),
)

rehearsals = Table(
    "rehearsals",
    metadata,
    Column("rehearsal_id", Integer, primary_key=True, autoincrement=True),
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), nullable=False),
    text("content_sha256"),
    Column("release_id", Integer, nullable=False),
    text("rehearsed_at"),
    text("body"),  # workflow.rehearsal_records.Rehearsal
    UniqueConstraint("candidate_id", "release_id"),
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("call_id", Text, primary_key=True),  # sha256 over document text, prompt and model
    text("run_id"),
    text("document_sha256"),
    text("prompt_sha256"),
    text("model"),
    text("reply"),
    text("reply_sha256"),
    Column("prompt_tokens", Integer, nullable=False, server_default="0"),
    Column("reply_tokens", Integer, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    text("called_at"),
)

# --- what people decided ---------------------------------------------------------------------------------------------

marks = Table(
    "marks",
    metadata,
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=True),
    Column("reviewer_id", Text, ForeignKey("reviewers.reviewer_id"), primary_key=True),
    text("verdict"),
    text("reason_code", default=""),
    text("reason_text", default=""),
    optional("fixed_object"),
    optional("defer_until"),
    text("shown_sha256"),
    Column("quote_seen", Integer, nullable=False, server_default="0"),
    text("marked_at"),
    Column("audit_seq", Integer, nullable=False, server_default="0"),  # names this very mark, and orders them
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), nullable=False),
    Column("reviewer_id", Text, ForeignKey("reviewers.reviewer_id"), nullable=False),
    text("signer_name"),
    text("verdict"),
    text("meaning"),
    text("reason_code", default=""),
    text("reason_text", default=""),
    text("shown_sha256"),
    text("signed_at"),
    Column("scripted", Integer, nullable=False, server_default="0"),
    Index("ix_decisions_candidate", "candidate_id"),
    CheckConstraint("length(signer_name) > 0 AND length(meaning) > 0 AND length(shown_sha256) = 64", name="whole"),
)

# --- what was done ---------------------------------------------------------------------------------------------------

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("ordinal", Integer, nullable=False, unique=True),
    text("state"),
    text("created_at"),
    text("created_by"),
    text("note", default=""),
    Column("base_release_id", Integer, nullable=True),
    optional("shard_path"),  # relative to the site's memory folder
    optional("shard_sha256"),
    optional("gate_id"),
    Column("release_id", Integer, nullable=True),
    optional("ordered_by"),  # who ordered the promotion; the waiting graph reads it here
    optional("read_back"),  # what the live model answered after the promotion, JSON
    optional("order_reason"),  # why, in the words of whoever ordered it
    optional("hold_reason"),  # workflow.change_control.batch_states.HoldReason and words: why it is held or waits
    Column("expedited", Integer, nullable=False, server_default="0"),
)

edits = Table(
    "edits",
    metadata,
    Column("edit_id", Text, primary_key=True),
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), nullable=False, unique=True),
    Column("batch_id", Text, ForeignKey("batches.batch_id"), nullable=False),
    text("functional_key"),
    text("body"),  # editor_engine.Edit as JSON
    text("state"),  # in_batch, ejected, live, withdrawn, superseded
    optional("reason"),
    optional("carrier"),
    optional("row_sha256"),  # row digest, from which release digests are made without torch
    text("created_at"),
    Index("ix_edits_functional_key", "functional_key"),
)

gates = Table(
    "gates",
    metadata,
    Column("gate_id", Text, primary_key=True),
    optional("batch_id"),
    Column("release_id", Integer, nullable=False),  # the live release it was compared with
    text("verdict"),
    text("started_at"),
    text("finished_at"),
    text("inputs_sha256"),
    text("report"),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", Integer, primary_key=True, autoincrement=False),
    text("created_at"),
    text("cause"),  # initial, promotion, rollback, withdrawal, undone_rollback, automatic_return, rebase
    optional("batch_id"),
    Column("parent_id", Integer, nullable=True),
    text("digest"),
    text("base_model_digest"),
    text("encoder_digest"),
    text("thresholds"),
    text("check_state"),  # passed, pending, failed
    text("actor"),
    text("reason", default=""),
)

release_edits = Table(
    "release_edits",
    metadata,
    Column("release_id", Integer, ForeignKey("releases.release_id"), primary_key=True),
    Column("edit_id", Text, ForeignKey("edits.edit_id"), primary_key=True),
    Column("batch_id", Text, ForeignKey("batches.batch_id"), nullable=False),
    text("row_sha256"),
    optional("shard_path"),  # where the row stands when it is not the batch's own shard: in one of ``shards``
)

live = Table(
    "live",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release_id", Integer, ForeignKey("releases.release_id"), nullable=False),
    Column("stopped", Integer, nullable=False, server_default="0"),
    text("stop_reason", default=""),
    CheckConstraint("id = 1", name="one_row"),
)

# --- the audit chain -------------------------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    text("at"),
    text("actor"),
    text("event"),
    text("subject"),
    text("body"),  # canonical JSON
    Column("version", Integer, nullable=False),  # which named columns the hash covers
    Column("prev", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    Index("ix_audit_subject", "subject"),
)
