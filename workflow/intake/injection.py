"""Notices text that speaks to a reviewer or to a model instead of about medicine, and says so in plain lines.

It flags and never acts: a flag is shown with every candidate of the document, and nothing that such a text asks for
is done. It does not find every attack; what it misses still meets the wall, the vocabulary and two signers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.notice import HiddenText

_HOMOGLYPHS = str.maketrans("аеорсхуіѕɑ0аıԁ", "aeopcxyisa0aid")
_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "asks to ignore instructions",
        r"\b(?:ignore|disregard|forget|override|bypass|skip|never\s+mind|do\s+not\s+follow|stop\s+following)\b[^.\n]{0,40}"
        r"\b(?:instruction|instructed|prompt|rule|direction|directive|command|polic|guideline|context|told|said\s+above|above|before|previous"
        r"|prior|safety|filter|restriction|everything|signature|check)",
    ),
    (
        "addresses a reviewer",
        r"\b(?:dear\s+)?(?:reviewers?|approvers?|pharmacists?|signers?)\s*[:,]\s|\bnote\s+to\s+(?:the\s+)?(?:reviewer|approver|program|model|system|assistant|ai\b|automated)"
        r"|\b(?:this|every|each|all)\b[^.\n]{0,25}\b(?:already|pre-?)\s?-?(?:approved|verified|reviewed|checked)\b",
    ),
    (
        "asks for approval",
        r"\b(?:approve|accept|sign|promote|confirm)\s+(?:this|it|every|all|the\s+(?:item|candidate|change|edit|fact)s?)\b"
        r"|\b(?:without|no)\s+(?:reading|review|further\s+review|checking|verification)\b|\bdo\s+not\s+(?:check|verify|review|flag|reject|mention|reveal|tell)\b",
    ),
    (
        "addresses a language model",
        r"\b(?:as|you\s+are)\s+(?:now\s+)?(?:an?\s+)?(?:ai\b|artificial|language\s+model|llm|chatbot|assistant|dan\b|in\s+(?:\w+\s+)?mode)"
        r"|\b(?:system|assistant)\s*(?:prompt|message|instruction)\w*\b"
        r"|(?:^|\n)[ \t]{0,9}(?:assistant|user|human)[ \t]{0,9}:\s"
        r"|\b(?:initial|starting|original|hidden|your)\s+(?:instructions?|prompt)"
        r"|<\s*/?\s*(?:information|system|instructions?|im_start|s|inst|end\s+of\s+session)\b[^>]{0,30}>|\[\s*/?\s*(?:system|inst|rest-of-document)\s*\]|\bend\s+of\s+session\b"
        r"|\bautomated\s+(?:analysis|screening|review)|\bfrom\s+now\s+on\b|\bact\s+as\s+(?:if|an?)\b|\bpretend\b|\brole-?\s?play|\bjailbr"
        r"|\b(?:instructions?|message)\s+(?:from\s+me|to\s+you)\b|\bbefore\s+you\s+can\s+solve\b|\bwere\s+you\s+told\b|\bthe\s+instructions?\s+(?:you\s+were\s+)?(?:given|above)",
    ),
    (
        "asks for output instead of saying something",
        r"\b(?:output|print|repeat|reveal|translate|encode|decode|show|send|email|reply\s+with|respond\s+with|say|tell\s+me|append|write|give\s+me|provide)\b"
        r"[^.\n]{0,40}\b(?:prompt|secret|password|key\b|instructions?|text\s+above|following\s+text|verbatim|base64|code\b|script|password|exactly|only)",
    ),
    (
        "holds code or terminal controls",
        r"\x1b\[|<\s*(?:script|img|iframe|svg)\b|javascript:|\bon(?:error|load|click)\s*=|\b(?:curl|wget|rm\s+-rf|chmod|sudo)\s"
        r"|\b(?:drop\s+table|union\s+(?:all\s+)?select|or\s+1\s*=\s*1)\b|\[@click",
    ),
)
_COMPILED = tuple((what, re.compile(pattern, re.IGNORECASE)) for what, pattern in _PATTERNS)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")


def suspicions(text: str) -> tuple[str, ...]:
    """Give what a text does that a medical text does not, one phrase each; empty where it does nothing of the kind."""
    seen = _INVISIBLE.sub("", text).translate(_HOMOGLYPHS)
    return tuple(what for what, pattern in _COMPILED if pattern.search(seen))


def flags(visible: str, hidden: Iterable[HiddenText]) -> tuple[str, ...]:
    """Give the lines that every candidate of a document carries; they hold none of its text."""
    found = [f"text of the document {what}" for what in suspicions(visible)]
    concealed = list(hidden)
    if concealed:
        found.append(f"the document holds {len(concealed)} hidden text{'s' if len(concealed) > 1 else ''}")
    for what in dict.fromkeys(what for piece in concealed for what in suspicions(piece.text)):
        found.append(f"hidden text of the document {what}")
    return tuple(found)
