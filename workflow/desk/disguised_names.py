"""Names of drugs written with letters of another script from end to end: ``сосаіпе`` that is no Latin word at all.

The screen points out words of mixed letters by itself; a whole word may be honest Greek or Cyrillic, and is told only
where it passes for a name that is known.
"""

from __future__ import annotations

from collections.abc import Collection

from review_tui.look_alikes import latin_twins
from workflow.intake.drug_names import is_known
from workflow.records import Candidate


def disguised_names(candidate: Candidate, names: Collection[str] = ()) -> tuple[str, ...]:
    """Tell, one plain line each, which words pass for the name of a drug and are not written in its letters.

    Args:
        candidate: Whose fields are read.
        names: Names that count besides the ones that come with the program.
    """
    known = {name.casefold() for name in names}
    fields = (candidate.subject, candidate.object_new, candidate.object_old or "", candidate.question)
    twins = dict(twin for text in (*fields, *candidate.qualifiers.values()) for twin in latin_twins(text))
    return tuple(
        f"“{word}” passes for {twin} and is not written in Latin letters"
        for word, twin in twins.items()
        if is_known(twin) or twin.casefold() in known
    )
