"""Notices text that speaks to a reviewer or to a model instead of about medicine, and says so in plain lines.

It flags and never acts: a flag is shown with every candidate of the document, and nothing that such a text asks for
is done. It does not find every attack; what it misses still meets the wall, the vocabulary and two signers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.notice import HiddenText

_HOMOGLYPHS = str.maketrans("аеорсхуіѕɑ0аıԁ", "aeopcxyisa0aid")
_START = r"(?:^|[.!?:\n]\s{0,9}|[\"'“(\[<*#>-]\s{0,3})"
_READER = (
    r"(?:any|all|every|the|an?|to)\s+(?:\w+\s+){0,2}(?:language\s+models?|models?\s+reading|ai\b|llms?|assistants?"
    r"|chatbots?|automated\s+(?:readers?|reviewers?|agents?|pipelines?|extract\w+|assistants?|models?|process(?:or"
    r"|ing))|machine\s+readers?|parsers?)"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "asks to ignore instructions",
        r"\b(?:ignore|disregard|forget|override|overrid(?:e|ing)|bypass|skip|never\s+mind|do\s+not\s+follow"
        r"|stop\s+following)\b[^.\n]{0,40}"
        r"\b(?:instruction|instructed|prompt|rule|direction|directive|command|polic|guideline|context|told"
        r"|said\s+above|above|before|previous"
        r"|prior|safety|filter|restriction|everything|signature|check|scor|manual|schema|wall|gate|review)"
        r"|\b(?:administrator|admin|developer|root)\s+(?:override|mode|access)\b",
    ),
    (
        "addresses a reviewer",
        rf"{_START}(?:dear\s+|attention\s+|for\s+the\s+)?(?:reviewers?|approvers?|pharmacists?|signers?"
        rf"|release\s+managers?)\s*[:,]\s"
        r"|\bdear\s+(?:reviewers?|pharmacists?|approvers?|signers?)\b"
        r"|\bnote\s+(?:to|for|by)\s+(?:the\s+|an?\s+|all\s+|any\s+)?(?:\w+\s+){0,2}(?:reviewer|approver|program"
        r"|model|system|assistant|ai\b|automated|recruiter|llm)"
        r"|\b(?:this|every|each|all)\b[^.\n]{0,25}\b(?:already|pre-?)\s?-?(?:been\s+)?(?:approved|verified|reviewed"
        r"|checked|signed)\b",
    ),
    (
        "asks for approval",
        r"\b(?:approve|accept|sign|promote|confirm)\s+(?:this|it|every|all|the\s+(?:item|candidate|change|edit|fact"
        r"|update|proposal)s?)\b"
        r"|\b(?:mark|label|classify|treat|flag)\b[^.\n]{0,40}\bas\s+(?:an?\s+)?(?:approved|verified|reviewed|safe"
        r"|definite|confirmed|no\s+change)\b"
        r"|\bwithout\s+(?:reading|(?:further|any)\s+review|checking|verification)\s+(?:it|this|them|the\s+(?:item"
        r"|change|document))\b|\bno\s+(?:further\s+)?(?:review|verification|signature)\s+(?:is\s+)?(?:needed"
        r"|required|necessary)\b"
        r"|\bdo\s+not\s+(?:check|verify|review|flag|reject|mention|reveal|tell)\b[^.\n]{0,30}\b(?:this|it|item"
        r"|change|candidate|dose|quote|prompt|user|anyone|reviewer|signature|instruction)\b"
        r"|\bskip\s+(?:the\s+)?(?:checks?|review|signatures?|gate|wall)\b",
    ),
    (
        "addresses a language model",
        r"\b(?:as|you\s+are)\s+(?:now\s+)?(?:an?\s+)?(?:ai\b|artificial|(?:large\s+)?language\s+model|llm|chatbot"
        r"|assistant|dan\b|in\s+(?:\w+\s+)?mode|a\s+helpful)"
        r"|\b(?:system|assistant)[\s_]*(?:prompt|message|instruction|override)\w*\b"
        r"|\bsystem\s+chain\s+of\s+thought\b|\bchain\s+of\s+thought\b"
        r"|(?:^|\n)[ \t]{0,9}(?:assistant|user|human|system)[ \t]{0,9}:\s|(?-i:(?<!\w )\bassistant:\s"
        r"|[.\n]\s{0,9}[Uu]ser:\s|(?:^|[.!?>\n]\s{0,9}|---\s{0,9})SYSTEM:\s)"
        r"|\b(?:initial|starting|original|hidden|your)\s+(?:instructions?|prompt|configuration)\b(?!\s+for\s+use)"
        r"|<\s*/?\s*(?:information|system\w*|instructions?|im_start|s|inst|end\s+of\s+session)\b[^>]{0,30}>"
        r"|\[\s*/?\s*(?:system|inst|rest-of-document)\s*\]|\bend\s+of\s+session\b"
        rf"|\b{_READER}\b|\bautomated\s+(?:analysis\s+(?:software|tools?|systems?)|screening\s+systems?"
        rf"|review(?:er)?s?|readers?)\b|\b(?:in)?visible\s+to\s+(?:humans?|people|llms?|machines?|ai\b)"
        r"|\bfrom\s+now\s+on,?\s+(?:you|answer|reply|respond|act|ignore|output)\b|\bact\s+as\s+(?:if|an?)\s+(?:you\b|\w+\s+(?:expert|assistant|model))"
        r"|\bpretend\s+(?:you|to\s+be|that)\b|\brole-?\s?play|\bjailbr"
        r"|\b(?:instructions?|message)\s+(?:from\s+me|to\s+you)\b|\bbefore\s+you\s+(?:can\s+)?(?:solve|continue"
        r"|answer)\b|\b(?:were|was)\s+(?:you|i)\s+(?:told|instructed)\b|\bI\s+was\s+instructed\b"
        r"|\bthe\s+instructions?\s+(?:you\s+were\s+)?(?:given|above)|\bnot\s+supposed\s+to\s+(?:tell|say|reveal)"
        r"|\bif\s+(?:the\s+)?user\s+asks\b"
        r"|\byour\s+(?:(?!immune\b|body\b|initial\b|clinical\b)\w+\s+){0,1}(?:answers?|repl(?:y|ies)|responses?"
        r"|outputs?|summar(?:y|ies))(?:'s)?\b(?!\s+to\s+(?:the\s+|this\s+)?(?!users?\b|me\b)\w)"
        r"|\b(?:in|with|of|for)\s+your\s+(?:message|text)\b|\b(?:words?|letters?|vowels?|keywords?)\s+(?:in"
        r"|of)\s+your\b",
    ),
    (
        "asks for output instead of saying something",
        r"\b(?:output|print|repeat|reveal|translate|encode|decode|encrypt|email|reply\s+with|respond\s+with|say"
        r"|tell\s+me|append|write|give\s+me|provide\s+me)\b"
        r"[^.\n]{0,40}\b(?:prompt|secret|password|instructions?|text\s+(?:above|below|you)|above\s+text"
        r"|following\s+text|verbatim|word\s+for\s+word|base\d\d|rot13|code\b|script|exactly|conversation"
        r"|initialization)"
        rf"|{_START}(?:please\s+)?(?:reply|respond|answer)\s+(?:only|in\b|with|using|to\s+the|by\b|as\b|back)"
        r"|\b(?:send|forward|e-?mail|upload|post)\b[^.\n]{0,40}\b(?:contents?|document|data|conversation"
        r"|results?)\b[^.\n]{0,20}\bto\b[^\n]{0,40}(?:https?:|www\.|@|\.com\b)"
        r"|\bcomplete\s+this\s+sentence\b|\b(?:user|reader)s?\b[^.\n]{0,30}\b(?:click|download|subscribe|install)\b",
    ),
    (
        "holds code or terminal controls",
        r"[\x1b\x9b\x90\x9d]|\\(?:x1b|u001b|033)|<\s*(?:script|img|iframe|svg)\b|javascript:|data:text/html"
        r"|\bon(?:error|load|click)\s*=|\b(?:curl|wget|rm\s+-rf|chmod|sudo)\s+[-/\w]"
        r"|\b(?:drop\s+table|insert\s+into\s+\w+|union\s+(?:all\s+)?select|or\s+1\s*=\s*1|select\s+case\s+when)\b"
        r"|';\s*(?:shutdown|drop|insert)|\[@click|&lt;a\s+href=\S{0,6}http&#"
        r"|\$\([a-z]+\s|\b(?:eval|exec|system|kernel\.exec)\s*\(\s*[\"']|@\{\[system",
    ),
)
_COMPILED = tuple((what, re.compile(pattern, re.IGNORECASE)) for what, pattern in _PATTERNS)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")


def suspicions(text: str) -> tuple[str, ...]:
    """Give what a text does that a medical text does not, one phrase each; empty where it does nothing of the kind."""
    seen = _INVISIBLE.sub("", text).translate(_HOMOGLYPHS)
    return tuple(what for what, pattern in _COMPILED if pattern.search(seen))


_REQUEST = re.compile(
    r"(?:please\s+|kindly\s+|now\s+)?(?:write|draft|compose|provide|explain|describe|translate|summari[sz]e|develop"
    r"|break\s+down|replace|use|convert|substitute"
    r"|render|introduce|misspell|scramble|jumble|rearrange|anagram|remove|group|combine|include|modify|add|integrate"
    r"|augment|enhance|suggest|recommend"
    r"|analy[sz]e|determine|encode|encrypt|reverse|shift|apply|express|reply|respond|answer|show|tell|give|list"
    r"|create|generate|output|print|repeat|say|spell|start"
    r"|begin|complete|help|visit|click|download|recite|imagine|invent|calculate|classify|name|talk|discuss|mention"
    r"|sing|make|play|search|find|send|help\s+me)\s"
    r"|(?:can|could|would|will)\s+you\b|in\s+your\b|(?:what|who|whose|how|which|when|where|why|is|are|do|does"
    r"|did)\b[^.!?]*\?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|\n|$)")
_CONTENT = re.compile(r"[^\W\d_]{4,}")
_SMALL = frozenset(
    (
        *(
            "this",
            "that",
            "these",
            "those",
            "with",
            "from",
            "your",
            "what",
            "which",
            "when",
            "where",
            "have",
            "been",
            "being",
        ),
        *(
            "does",
            "were",
            "would",
            "could",
            "should",
            "will",
            "about",
            "into",
            "over",
            "than",
            "then",
            "them",
            "they",
            "their",
        ),
        *(
            "there",
            "here",
            "some",
            "such",
            "only",
            "also",
            "more",
            "most",
            "very",
            "using",
            "used",
            "make",
            "made",
            "please",
        ),
        *(
            "following",
            "include",
            "provide",
            "explain",
            "describe",
            "write",
            "show",
            "tell",
            "give",
            "list",
            "each",
            "every",
        ),
    )
)
_LONGEST_REQUEST = 240
_MOST_SHARED = 0.25
_LEAST_OTHER_WORDS = 12


def strays(text: str) -> bool:
    """Say whether a request or question stands in the text that has nothing to do with the rest of it.

    Judged by the words that it shares with the other sentences; a text of a few words tells nothing.
    """
    sentences = [match.group().strip() for match in _SENTENCE.finditer(text)]
    told = [frozenset(_stem(word) for word in _CONTENT.findall(one)) - _SMALL for one in sentences]
    counts: dict[str, int] = {}
    for words in told:
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    if len(counts) < _LEAST_OTHER_WORDS:
        return False
    return any(
        len(sentence) <= _LONGEST_REQUEST
        and len(words) >= 2
        and _REQUEST.match(sentence.lstrip("\"'“([<*#>- ")) is not None
        and sum(counts[word] > 1 for word in words) <= _MOST_SHARED * len(words)
        for sentence, words in zip(sentences, told, strict=True)
    )


def _stem(word: str) -> str:
    return word.casefold()[:6]


_LINES = ("text of the document ", "the document holds ", "hidden text of the document ")
"""How every line of ``flags`` begins."""


def warnings_among(lines: Iterable[str]) -> tuple[str, ...]:
    """Give the lines that ``flags`` wrote, of all that a candidate carries."""
    return tuple(line for line in lines if line.startswith(_LINES))


def flags(visible: str, hidden: Iterable[HiddenText]) -> tuple[str, ...]:
    """Give the lines that every candidate of a document carries; they hold none of its text."""
    found = [f"text of the document {what}" for what in suspicions(visible)]
    if strays(visible):
        found.append("the document holds a request that has nothing to do with the rest of it")
    concealed = list(hidden)
    if concealed:
        found.append(f"the document holds {len(concealed)} hidden text{'s' if len(concealed) > 1 else ''}")
    for what in dict.fromkeys(what for piece in concealed for what in suspicions(piece.text)):
        found.append(f"hidden text of the document {what}")
    return tuple(found)
