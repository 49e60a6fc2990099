"""The seam between the intake and its extraction lanes: what a lane is shown, and what it gives back.

Lane A is ``rules.RulesExtractor``; lane B asks a language model. A lane only proposes: it opens no transaction, and
what it gives passes the wall like everything else. It leaves ``question``, ``paraphrases`` and ``near_misses`` of a
candidate empty where the standard wordings do (``propose`` writes them), and never sets ``risk`` lower than asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connectors.notice import AssertionKind, NoticeKind, Section
from workflow.intake.mentions import NO_NAMES, Lexicon
from workflow.records import Candidate, ChangeKind


@dataclass(frozen=True)
class NoticeText:
    """One stored notice and the whole text of its document; offsets are into ``text``."""

    notice_id: str
    document_id: str
    source: str
    kind: NoticeKind
    key: str
    version: str
    title: str
    start: int
    end: int
    text: str = field(repr=False)
    sections: tuple[Section, ...] = ()
    names: tuple[str, ...] = ()
    """The product's names, ingredient first; empty for articles and most guidelines."""
    recent_changes: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    """Its own ``(scheme, value)`` pairs."""

    @property
    def body(self) -> str:
        """The notice's own slice of the document's text."""
        return self.text[self.start : self.end]

    def section_at(self, offset: int) -> Section | None:
        """The innermost section that holds ``offset``, if any."""
        holding = [section for section in self.sections if section.start <= offset < section.end]
        return min(holding, key=lambda section: section.end - section.start, default=None)


@dataclass(frozen=True)
class ChangedSentence:
    """One waiting change: the sentence that is new in ``notice``, and the one it replaces in ``previous``.

    ``start`` and ``end`` are into the text of ``notice``, ``old_start`` and ``old_end`` into that of ``previous``.
    A change that an assertion makes (retracted) has no sentence: ``start`` is None, ``asserts`` and ``target`` say
    what was said about which notice of the ledger.
    """

    change_id: str
    kind: ChangeKind
    notice: NoticeText
    previous: NoticeText | None = None
    section: str = ""
    start: int | None = None
    end: int | None = None
    old_start: int | None = None
    old_end: int | None = None
    asserts: AssertionKind | None = None
    target: NoticeText | None = None

    @property
    def sentence(self) -> str:
        """The changed sentence exactly as it stands; empty where there is none."""
        return "" if self.start is None or self.end is None else self.notice.text[self.start : self.end]

    @property
    def old_sentence(self) -> str:
        """The sentence that it replaces; empty where there is none."""
        if self.previous is None or self.old_start is None or self.old_end is None:
            return ""
        return self.previous.text[self.old_start : self.old_end]


@dataclass(frozen=True)
class DocumentChanges:
    """What a lane is asked about: one document's waiting changes, and all texts that its evidence may lie in."""

    document_id: str
    changes: tuple[ChangedSentence, ...]
    lexicon: Lexicon = NO_NAMES
    """The drugs that are known by name here: from the site's vocabulary and the labels on record."""

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts by document id."""
        found: dict[str, str] = {}
        for change in self.changes:
            for notice in (change.notice, change.previous, change.target):
                if notice is not None:
                    found[notice.document_id] = notice.text
        return found


@dataclass(frozen=True)
class Refused:
    """Something that a lane read and did not propose, with the reason in one line (no document text in it)."""

    change_id: str
    extractor: str
    reason: str
    candidate: Candidate | None = None


class Extractor(Protocol):
    """One extraction lane."""

    @property
    def name(self) -> str:
        """Name and version, as candidates carry it: ``rules/1``."""
        ...

    def propose(self, document: DocumentChanges) -> Iterable[Candidate | Refused]:
        """Propose candidates for the document's changes.

        Each candidate's claim quote overlaps the changed sentence that it comes from; a change for which nothing
        comes says no change.
        """
        ...
