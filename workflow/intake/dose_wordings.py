"""The wordings around a dose: heads ("recommended starting dose"), links, limits, orders, conditions, circumstances.

Regular expressions only; what they mean together is read by ``rules_dose``.
"""

from __future__ import annotations

import re

_ADJECTIVE = (
    r"(?:recommended|usual|standard|typical|normal|suggested|advised|approved|starting|start|initial|initiating|maintenance"
    r"|maximum|maximal|max\.?|highest|target|loading|daily|total|single|oral|intravenous|subcutaneous|intramuscular|topical"
    r"|adult|p(?:a)?ediatric|geriatric|effective|first|new|revised|reduced|lower|therapeutic|individual)"
)
HEAD = re.compile(
    rf"\b(?:(?P<adjectives>{_ADJECTIVE}(?:[\s,-]+(?:and\s+)?{_ADJECTIVE})*)\s+)?(?P<noun>dos(?:e|age|ing))(?:\s+(?:range|regimen|schedule))?\b",
    re.IGNORECASE,
)
CHANGED = r"(?:lowered|reduced|changed|increased|raised|revised|decreased|updated|adjusted|halved|doubled)"
_FILLER = (
    r"(?:now|currently|generally|usually|typically|therefore|only|also|still|limited\s+to|set\s+at|taken|given|administered"
    rf"|started\s+at|initiated\s+at|begun\s+at|at|as|{CHANGED}(?:\s+(?:from|to))?|approximately|about)"
)
LINK = re.compile(
    r"(?P<middle>.*?)\s*(?:\b(?:is|are|should\s+be|shall\s+be|must\s+be|remains|will\s+be)\b|:|=|\s[-–—](?=\s)|\bto\s+be\b"
    rf"|\b(?:has|have|was|were)\s+(?:now\s+)?(?:been\s+)?{CHANGED}(?:\s+(?:from|to))?"
    rf"|\bof\b|\bat\b)\s*(?:{_FILLER}\s*)*",
    re.IGNORECASE | re.DOTALL,
)
MAX_CUE = re.compile(
    r"\b(?:(?:should|must|do|does|may|can|shall)\s+not\s+(?:be\s+)?exceed(?:ed)?|not\s+to\s+exceed|not\s+exceeding|without\s+exceeding"
    r"|(?:(?:do|must|should)\s+not\s+(?:take|give|use|administer|be\s+more\s+than)(?:\s+more\s+than)|no\s+more\s+than|not\s+more\s+than)"
    r"|(?:up\s+)?to\s+a\s+maximum(?:\s+(?:daily\s+)?dos(?:e|age))?\s+of|(?:a|the)\s+maximum\s+of|maximum\s*:|max\.?\s*:|daily\s+maximum\s*(?::|of|is))"
    r"\s*(?:a\s+(?:total\s+)?(?:daily\s+)?dos(?:e|age)\s+of\s+)?",
    re.IGNORECASE,
)
_NAME = (
    r"(?:(?!(?:the|a|an|of|in|for|is|are|when|if|as|with|to|and|or|by|at|should|must|on|this|these|each|every|treatment|therapy|dose|doses"
    r"|not|more|than|up|only|either|from|it|patients|adults|children|women|men|daily)\b)[A-Za-z][\w'/-]*)"
)
NAMES = rf"{_NAME}(?:\s+{_NAME}){{0,4}}?(?:\s*\([A-Za-z][\w\s-]{{1,40}}\))?"
RELEASE = re.compile(
    r"\b(immediate|extended|controlled|delayed|modified|sustained|prolonged)[\s-]+release\b", re.IGNORECASE
)
ADMINISTER = re.compile(
    r"\b(?P<verb>takes?|give|administer|use|inject|apply|inhale|swallow|receive|start|begin|initiate|prescribe|recommends?)"
    r"(?:\s+(?:treatment|therapy|dosing|patients))?(?:\s+(?:with|at|on))?"
    rf"(?:\s+(?P<name>{NAMES}))?(?:\s+(?:at|with|in|using))?"
    r"(?:\s+(?:a|an|the)\s+(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)\s+of)?\s+$",
    re.IGNORECASE,
)
GIVEN = re.compile(
    rf"^(?P<name>{NAMES})\s+(?:should|must|is\s+to|are\s+to|can|may)?\s*(?:be\s+|is\s+|are\s+)?"
    r"(?P<verb>taken|given|administered|used|started|initiated|begun|injected|applied|recommended|dosed)"
    r"(?:\s+(?:orally|by\s+mouth|intravenously|subcutaneously))?(?:\s+(?:at|as|in|with))?"
    r"(?:\s+(?:a|an|the)\s+(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)\s+of)?\s+$",
    re.IGNORECASE,
)
ADJUST = re.compile(
    r"\b(?P<verb>reduce|decrease|lower|increase|adjust|limit)\s+"
    r"(?:the\s+)?(?:(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)(?:\s+of\s+"
    rf"(?P<name>{NAMES}))?|(?P<bare>{NAMES}))\s+to\s+$",
    re.IGNORECASE,
)
LISTED = re.compile(r"^[\s\-*•·◦‣▪●;,.|]*(?:and\s+)?(?P<label>[^;|]{2,100}?)\s*(?::|\s[-–—]|\|)\s*$")
ROUTES = ("oral", "intravenous", "subcutaneous", "intramuscular", "topical")
ORDERED_AFTER = re.compile(
    r"\s*(?:is|are|should\s+be|must\s+be)\s+(?:now\s+)?(?:recommended|given|taken|used|administered|advised)\b",
    re.IGNORECASE,
)
DOSE_SECTION = r"\bdos(?:e|age|ing)\b|posology|dosage_and_administration|34068-7"
_AIM = r"(?:(?:the\s+)?(?:initial\s+)?(?:treatment|management|prevention|prophylaxis|relief|therapy|control)\s+of\s+)"
_ILLNESS = (
    r"(?:(?!(?:patients|adults|children|women|men|infants|in|for|if|when|and\s+for|is|are|at|every|each|up|a|an)\b)"
    r"[A-Za-z][\w'/-]*)(?:\s+(?!(?:in|for|is|are|when|if|and|or|but|with|at|should|who|as|by|may|once|twice)\b)[\w'/-]+){0,6}"
)
CONDITION = re.compile(
    rf"(?:for|in)\s+(?:{_AIM})?(?P<condition>{_ILLNESS})|to\s+treat\s+(?P<treated>{_ILLNESS})", re.IGNORECASE
)
CONDITION_AFTER = re.compile(
    rf"\s*(?:for|in)\s+(?:{_AIM})?(?P<condition>{_ILLNESS})(?=\s*(?:[,;.()\[]|$)|\s+(?:in|and|when|if|or|but|with|as)\b)",
    re.IGNORECASE,
)
CIRCUMSTANCE_AFTER = re.compile(
    r"\s*(?P<circumstance>(?:,\s*)?(?:when|if)\b[^,;()]{3,80}"
    r"|(?:in\s+combination\s+with|together\s+with|plus|concomitantly\s+with|with|during|after|following|until|as\s+(?:an?\s+)?(?:monotherapy|adjunct\w*|add-on)"
    r"|(?:co-?administered|taken|used|given)\s+with)\b[^,;()]{2,80})",
    re.IGNORECASE,
)
REGIMEN = re.compile(
    r"\b(?:initially|followed\s+by|then|on\s+days?\s*\d|day\s+\d|loading|induction|tapered|titrated\s+over)\b",
    re.IGNORECASE,
)
"""Words after a dose that make it one step of a regimen."""
OFTEN = re.compile(
    r"\b(?:once|twice|times|every|each|daily|weekly|monthly|nightly|bedtime|per|single\s+dose)\b", re.IGNORECASE
)
ANYONE = re.compile(
    r"\b(?:wom[ae]n|men|children|adults?|infants?|neonates?|elderly|p(?:a)?ediatric|patients?|adolescents?)\b",
    re.IGNORECASE,
)
KINDS = (
    ("starting", {"starting", "start", "initial", "initiating", "first"}),
    ("maintenance", {"maintenance"}),
    ("loading", {"loading"}),
    ("target", {"target"}),
    ("single", {"single"}),
)
"""Kinds of dose that are facts of their own, under one name each."""
POINTER = re.compile(
    r"(?:(?:this|the|your|study|each|your)\s+)*(?:medicines?|medications?|drugs?|products?|tablets?|capsules?|treatment|therapy|it|dose|patients?)",
    re.IGNORECASE,
)
NEXT = re.compile(r"\s*(?P<join>,\s*(?:and|or|but)|;|,|and|or|but|while)?\s*(?:(?:is|are)\s+)?", re.IGNORECASE)
CONTINUES = re.compile(r"\s*,?\s*(?:and|or|followed\s+by|then|and\s+then)\s+(?:either\s+)?", re.IGNORECASE)
