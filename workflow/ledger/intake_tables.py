"""The tables of intake that came after the first schema; the others stand in ``tables``."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

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
