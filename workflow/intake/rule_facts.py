"""What a rule reads out of one sentence, before it becomes a candidate.

Owns the type that the rule families share, and the sections in which no rule reads advice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflow.intake.phrases import Span
from workflow.records import Certainty

_NO_ADVICE = re.compile(
    r"overdos|pharmacolog|pharmacokinetic|pharmacodynamic|nonclinical|non-clinical|toxicolog|clinical.(?:studies|trials)"
    r"|adverse.reaction|undesirable|how.supplied|description|mechanism|carcinogen|storage|references|package.label"
    r"|34088-5|34090-1|34092-7|34084-4|34069-5|34089-3|43680-8|43682-4|43679-0|34083-6",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Place:
    """Where a sentence stands: the title and the code of its section, both ``""`` where there is none."""

    title: str = ""
    code: str = ""

    @property
    def advises(self) -> bool:
        """Whether a section like this one says what to do (and does not report animals, trials or overdoses)."""
        return _NO_ADVICE.search(f"{self.title} {self.code}") is None

    def is_about(self, pattern: str) -> bool:
        """Whether the section's title or code matches ``pattern``."""
        return re.search(pattern, f"{self.title} {self.code}", re.IGNORECASE) is not None


@dataclass(frozen=True)
class Fact:
    """One statement of a sentence; spans are offsets into the sentence."""

    relation: str
    subject: str | None
    """As written in the sentence; None where the sentence leaves it to the document."""
    value: Span
    qualifiers: tuple[tuple[str, str], ...] = ()
    old_value: str | None = None
    """The value that the sentence itself says it replaces ("lowered from 10 mg to 5 mg")."""
    flags: tuple[str, ...] = ()
    certainty: Certainty = Certainty.DEFINITE
    """As the sentence says it."""
