"""The tables of intake that came after the first schema; the others stand in ``tables``."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, Text

from workflow.ledger.schema import metadata, text

candidate_sources = Table(  # documents that say what a candidate says, beside those it quotes
    "candidate_sources",
    metadata,
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=True),
    Column("notice_id", Text, ForeignKey("notices.notice_id"), primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("end", Integer, nullable=False),
    text("text_id"),  # equal for copies of one text
    text("added_at"),
    Index("ix_candidate_sources_notice", "notice_id"),
)

late_warnings = Table(  # what a document that came after a candidate was proposed has to be warned of
    "late_warnings",
    metadata,
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=True),
    Column("words", Text, primary_key=True),  # in our own words: no text of the document
    Column("notice_id", Text, ForeignKey("notices.notice_id"), nullable=False),
    text("warned_at"),
)

llm_failures = Table(  # prompts that got nothing usable: hashes and times, and why; those that did are in llm_calls
    "llm_failures",
    metadata,
    Column("failure_id", Integer, primary_key=True, autoincrement=True),
    text("run_id"),
    text("document_sha256"),
    text("prompt_sha256"),
    text("model"),
    text("reason"),  # in our own words: no text of document, prompt or reply
    Column("seconds", Float, nullable=False, server_default="0"),
    text("called_at"),
    Index("ix_llm_failures_run", "run_id"),
)
