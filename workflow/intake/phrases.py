"""The phrases of which doses, populations and hedges are made, as regular expressions over one sentence.

Owns how a dose, a population and a circumstance are written in labels and guidelines, and which words turn a
statement round or leave it open. Pure text: nothing here knows a drug, a document or a candidate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNT = r"(?:one-half|one|two|three|four|five|six|eight|ten|half)"
NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+|{_COUNT}(?=\s))"
_STRENGTH = (
    r"(?:mg|mcg|µg|μg|micrograms?|milligrams?|grams?|nanograms?|ng|g|kg|mL|millilit(?:er|re)s?|L|international\s+units?"
    r"|units?|IU|U|mmol|millimoles?|mEq|mCi|MBq|%|percent)"
)
_FORM = (
    r"(?:tablets?|capsules?|caplets?|puffs?|inhalations?|actuations?|drops?|sprays?|patch(?:es)?|suppositor(?:y|ies)"
    r"|lozenges?|sachets?|packets?|teaspoons?(?:fuls?)?|tablespoons?(?:fuls?)?|vials?|ampoules?|applications?|films?"
    r"|pens?|injections?)"
)
UNIT = rf"(?:{_STRENGTH}|{_FORM})"
_PER = (
    r"(?:\s*/\s*(?:kg|m2|m²|m\^2|day|d|h|hr|hour|min|minute|week|dose|24\s*h(?:ours)?)\b"
    r"|\s+per\s+(?:kg|kilogram|m2|m²|square\s+met(?:er|re)|day|dose|hour|minute|week|24\s+hours)\b"
    r"|\s+of\s+body\s+weight\b)"
)
_AMOUNT = (
    rf"(?:(?:between|from|either)\s+)?{NUMBER}(?:\s*-?\s*{UNIT}(?![A-Za-z0-9]){_PER}*)?"
    rf"(?:\s*(?:-|–|—|to|or|and|up\s+to|x|×)\s*{NUMBER})*"
    rf"\s*-?\s*{UNIT}(?![A-Za-z0-9]){_PER}*"
)
_TIMES = rf"(?:once|twice|thrice|(?:\d+|{_COUNT})(?:\s*(?:-|–|to|or)\s*(?:\d+|{_COUNT}))?\s+times)"
_SPAN = r"(?:hours?|hrs?|h|days?|weeks?|months?|minutes?|years?)"
_WHEN = (
    rf"(?:{_TIMES}[\s-]+(?:(?:a|per|each|every)[\s-]+)?(?:day|week|month|year|daily|weekly|monthly|yearly)"
    rf"|{_TIMES}\s+every\s+(?:other\s+)?(?:\d+\s+)?{_SPAN}"
    rf"|(?:every|each)\s+(?:other\s+|second\s+|third\s+)?(?:(?:\d+|{_COUNT})(?:\s*(?:-|–|to)\s*(?:\d+|{_COUNT}))?\s+)?{_SPAN}"
    r"|(?:every|each)\s+(?:morning|evening|night)"
    r"|(?:per|a|each|in\s+a|in|within(?:\s+a)?|during)\s+(?:single\s+)?(?:24[\s-]hours?(?:\s+period)?|day|dose|week|month)"
    r"|daily|nightly|weekly|monthly|once|per\s+night"
    r"|as\s+a\s+single(?:\s+\w+)?\s+dose|as\s+needed"
    rf"|(?:in|as|given\s+in)\s+(?:\d+|{_COUNT}|equally)?(?:\s*(?:to|or|-)\s*(?:\d+|{_COUNT}))?\s*(?:equally\s+)?divided\s+doses"
    r"|(?:taken\s+)?(?:immediately\s+|just\s+)?(?:at|before)\s+(?:bedtime|night)|in\s+the\s+(?:morning|evening|afternoon)"
    r"|(?:taken\s+)?with\s+or\s+without\s+food|(?:taken\s+)?(?:with|after|before|without)\s+(?:food|meals?|a\s+meal|breakfast|dinner)"
    rf"|(?:for|over)\s+(?:(?:up\s+to|at\s+least|a\s+minimum\s+of)\s+)?(?:\d+|{_COUNT})(?:\s*(?:-|–|to|or)\s*(?:\d+|{_COUNT}))?\s+{_SPAN}"
    rf"|on\s+days?\s+\d+(?:\s*(?:-|–|to|and|through)\s*\d+)*)"
)
_ROUTE = (
    r"(?:(?:given\s+|taken\s+|administered\s+)?(?:orally|by\s+mouth|intravenously|subcutaneously|intramuscularly|topically"
    r"|rectally|vaginally|intranasally|sublingually|by\s+inhalation|per\s+os|PO|IV|SC|IM"
    r"|(?:as\s+an?\s+|by\s+)?(?:intravenous|subcutaneous|intramuscular)\s+(?:infusion|injection|bolus)))"
)
_ASIDE = (
    rf"\(\s*(?:{NUMBER}\s*{UNIT}|{_COUNT}\s+[^()]{{1,30}}"
    rf"|(?![^()]*\b(?:not|formerly|previously|instead|was)\b)[^()]{{0,40}}{UNIT})\s*\)"
)
_TAIL = rf"(?:\s*,?\s*(?:{_ASIDE}|{_WHEN}(?![A-Za-z])|{_ROUTE}(?![A-Za-z])))*"
_OF_DRUG = (
    r"(?:\s+(?:of\s+)?(?!body|initially\b|the\b|and\b|or\b|for\b|in\b|to\b|then\b|is\b|on\b|at\b|as\b|by\b|if\b|may\b|when\b|with\b|followed\b|once\b|twice\b|every\b|each\b|daily\b|per\b|orally\b|a\b"
    r"|over\b|during\b|within\b|intravenously\b|subcutaneously\b|intramuscularly\b)"
    r"[A-Za-z][\w-]*(?:\s+(?!in\b|for\b|is\b|once\b|twice\b|daily\b|and\b|or\b|to\b)[a-z][\w-]*){0,2}?"
    r"(?=\s+(?:once|twice|daily|every|per|a\s+day|orally|by\s+mouth|\d)))?"
)
VALUE = re.compile(
    rf"(?<![\w.,/])(?:a\s+)?(?:(?:{_COUNT}|\d)\s+(?=\d[\d.,]*\s*-?\s*{_STRENGTH}\s+{_FORM}))?"
    rf"{_AMOUNT}(?:\s+{_FORM})?{_OF_DRUG}{_TAIL}(?![\w])(?!\s*/\s*\w)",
    re.IGNORECASE,
)
"""An amount with its unit, and the route, times and manner that follow it."""
PERIOD = re.compile(
    r"\bdaily\b|/\s*(?:day|d|24\s*h)\b|\b(?:per|a|each|every|in\s+a|in\s+any|within\s+a)\s+(?:24[\s-]hours?|day|night)\b|\bnightly\b"
    r"|\b(?:in|every|per|within)\s+24\s+hours\b|\bat\s+bedtime\b|\bbefore\s+bedtime\b|\bonce\s+a\s+day\b",
    re.IGNORECASE,
)
"""Words that make a dose a daily one."""
AMOUNT = re.compile(rf"(?<![\w.]){NUMBER}\s*-?\s*{UNIT}(?![A-Za-z0-9]){_PER}*", re.IGNORECASE)
"""A number with its unit, as short as it is written."""

_PEOPLE = (
    r"(?:wom[ae]n|m[ae]n|males?|females?|adults?|children|child|infants?|neonates?|newborns?|toddlers?|adolescents?"
    r"|teenagers?|elderly|geriatrics?|p(?:a)?ediatrics?|patients?|people|persons?|individuals?|subjects?|smokers?"
    r"|girls?|boys?|recipients?|mothers?|populations?|carriers?|metaboli[sz]ers?)"
)
_PEOPLE_END = (
    r"(?=\s*(?:[,;:)]|\.(?!\d)|$|\bis\b|\bare\b|\bshould\b|\bmust\b|\bmay\b|\bhas\b|\bhave\b|\bwas\b|\bwere\b|\bwill\b|\bcan\b"
    r"|\bcontraindicated\b|\band\s+(?:either\s+)?(?:\d|for\b|in\b|the\b)|\bor\s+(?:for\b|in\b)|\bbut\b|\bthe\s+(?:recommended|maximum|usual|initial|starting|dose)"
    r"|\bwhile\b|\bunless\b|\bexcept\b|\bif\b|\bwhen\b|\[|\(\s*(?:see\b|\d+(?:\.\d+)?\s*[,)])|\btake\b|\buse\b|\bgive\b|\bstart\b|\breduce\b))"
)
POPULATION = re.compile(
    rf"(?:the\s+)?(?P<people>(?:(?!(?:and|is|are|of|to|be|in|for|dose|doses|should|must|treatment|use)\b)[\w-]+\s+){{0,4}}?{_PEOPLE}\b"
    rf"(?:(?!\s*(?:{_PEOPLE_END[3:-1]}))[^;:.,()\[\]]|\.(?=\d)|\((?!\s*(?:see\b|\d+(?:\.\d+)?\s*[,)]))[^()]{{0,40}}\)"
    r"|,(?=\s*\d{3}\b)){0,120}?)"
    rf"{_PEOPLE_END}",
    re.IGNORECASE,
)
"""Who a statement is about: ``women``, ``adult patients with severe renal impairment (CrCl < 30 mL/min)``."""

NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|none|without|cannot|can't|don't|doesn't|isn't|aren't|shouldn't|n't|fail(?:s|ed)?\s+to"
    r"|lack(?:s|ed)?|absence\s+of|unless|except)\b",
    re.IGNORECASE,
)
"""Words that turn a statement round, or take something out of it."""
OPEN = re.compile(
    r"\b(?:(?:has|have|had)\s+not\s+been|(?:was|were)\s+not|not\s+yet|cannot\s+be|can\s+not\s+be|unknown|not\s+known|unclear"
    r"|under\s+investigation|insufficient|it\s+is\s+possible|might|could)\b|\bno\s+(?:data|studies|information|experience)\b",
    re.IGNORECASE,
)
"""Words that leave a question open: not studied is unknown, never safe."""
OFF_TOPIC = re.compile(
    r"\b(?:rats?|mice|mouse|rabbits?|dogs?|monkeys?|animals?|in\s+vitro|overdos\w+|MRHD|maximum\s+(?:recommended\s+)?human\s+dose"
    r"|human\s+dose|AUC|Cmax|placebo|randomi[sz]ed|bioequivalen\w+|times\s+the|previously\s+recommended|no\s+longer|formerly"
    r"|was\s+(?:studied|given|administered)|were\s+(?:studied|given|treated|randomi[sz]ed|received)|received|trials?|study|studies)\b",
    re.IGNORECASE,
)
"""Words of sentences that report and do not advise: animal data, overdoses, trials, what used to hold."""
_CIRCUMSTANCE = re.compile(
    r"\b(?:when|if|while|in\s+combination\s+with|(?:co-?administered|taken|used|given)\s+(?:concomitantly\s+|together\s+)?with(?!\s+(?:or\b|food|meals?|a\s+meal|water))"
    r"|with\s+(?:concomitant|concurrent)|during|following|until|after(?!\s+(?:food|meals?|a\s+meal|breakfast|dinner)))\b",
    re.IGNORECASE,
)
EXCEPTION = re.compile(
    r"\b(?:unless|except|other\s+than|excluding|with\s+the\s+exception|provided|if\s+possible)\b", re.IGNORECASE
)
"""Words that take cases out of a statement: what they leave cannot be said in one fact."""


@dataclass(frozen=True)
class Span:
    """A phrase exactly as it stands in the sentence at ``start:end``."""

    text: str
    start: int
    end: int


def trimmed(sentence: str, start: int, end: int, *, strip: str = " \t\n,;:.") -> Span:
    """Give ``sentence[start:end]`` without blanks and loose punctuation at its ends."""
    piece = sentence[start:end]
    start += len(piece) - len(piece.lstrip(strip))
    piece = piece.strip(strip)
    return Span(piece, start, start + len(piece))


def population_after(sentence: str, at: int, limit: int) -> Span | None:
    """Give the population that ``in`` or ``for`` names directly at ``at``."""
    lead = re.compile(
        r"\s*,?\s*(?:when\s+used\s+)?(?:in|for|among)\s+(?:the\s+treatment\s+of\s+)?", re.IGNORECASE
    ).match(sentence, at, limit)
    return None if lead is None else people_at(sentence, lead.end(), limit)


def population_in_brackets(sentence: str, at: int) -> Span | None:
    """Give the population that stands in brackets directly at ``at``: ``(adults)``."""
    bracket = re.compile(r"\s*\((?P<inside>[^()]{3,80})\)").match(sentence, at)
    if bracket is None:
        return None
    people = people_at(bracket["inside"], 0, len(bracket["inside"]))
    if people is None or people.end != len(bracket["inside"].rstrip()):
        return None
    return Span(people.text, bracket.start("inside") + people.start, bracket.end())


def people_at(sentence: str, at: int, limit: int) -> Span | None:
    """Give the population phrase that begins at ``at``."""
    match = POPULATION.match(sentence[:limit], at)
    return None if match is None else trimmed(sentence, match.start("people"), match.end("people"), strip=" \t\n,;:")


def circumstance(text: str) -> re.Match[str] | None:
    """Find the words that tie a statement to a circumstance ("when taken with ..."), if any."""
    return _CIRCUMSTANCE.search(text)
