"""Words that turn one question about a subject into another, and that sentence encoders blur. Free of torch.

"What is the recommended dose of X?" and "What is the maximum daily dose of X?" are 0.92 similar for MiniLM, more than
most paraphrases. So degree, timing, prohibition and the kind of thing asked for are read from the words, with a
lexicon that is small on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_CONTRASTS = {
    "maximum": r"max\w*|highest|largest|upper limit|ceiling|at (?:the )?most|exceed\w*|(?:no|not) more than",
    "minimum": r"min(?:imum|imal)?|lowest|smallest|at least|no less than",
    "initial": r"initial\w*|start(?:ing|ed)?|begin\w*|first dose|titrat\w*",
    "loading": r"loading",
    "maintenance": r"maintenance",
    "frequency": r"how often|how many times|how frequently|frequency|interval",
    "duration": r"how long|duration",
    "overdose": r"overdos\w*|toxic dose",
    "missed": r"missed|forgotten",
    "stopping": r"stop(?:ped|ping)?|discontinu\w*|withdraw\w*|taper\w*",
    "drug class": r"class(?:es)?|classified|(?:kind|type|sort|category|group) of (?:drug|medicine|medication|agent)s?",
    "monitoring": r"monitor\w*|check(?:ed|s)?|measured|followed|follow-up",
    "prohibition": r"must not|should not|may not|can ?not|can't|never|contra-?indicat\w*|avoid\w*|rules? out|unsafe",
}
_PATTERNS = {name: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for name, pattern in _CONTRASTS.items()}


@lru_cache(maxsize=65536)
def contrasts_in(text: str) -> frozenset[str]:
    """The contrasts that a question states."""
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(text))


def ask_alike(question: str, wordings: Iterable[str]) -> bool:
    """Whether the question states no contrast that no wording states, and all those that every wording states."""
    stated = [contrasts_in(wording) for wording in wordings]
    asked = contrasts_in(question)
    return frozenset.intersection(*stated) <= asked <= frozenset.union(*stated)
