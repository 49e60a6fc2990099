"""Reads what labels and guidelines say beside doses: contraindications, interactions, uses, first choices, warnings.

Each reading is a short list of wordings whose verb is unmistakable; what turns the statement round ("not
contraindicated"), takes cases out of it ("unless"), or leaves it open ("has not been studied") gives nothing.
"""

from __future__ import annotations

import re

from workflow.intake.phrases import EXCEPTION, NEGATION, OPEN, Span, trimmed
from workflow.intake.rule_facts import Fact, Place

_NAME = (
    r"(?P<name>(?:(?!(?:the|use|of|with|it|this|these|some|if|when|is|are|were|concomitant|patients|dose|doses|and|becoming)\b)[A-Za-z][\w'-]*)"
    r"(?:\s+(?!(?:is|are|has|should|must|may|in|for|with|when|that|not|now|remains?)\b)[\w'/-]+){0,5}?(?:\s*\([^()]{1,40}\))?)"
)
_NOW = r"(?:\s+(?:now|also|strictly|absolutely|therefore))?"
_PREFIX = (
    r"(?:^|(?<=[.:;]\s)|(?<=\bthat\s)|(?<=\n))"
    r"(?:the\s+use\s+of\s+|use\s+of\s+|treatment\s+with\s+|therapy\s+with\s+|the\s+)?"
)
_CONTRAINDICATED = re.compile(
    rf"(?:{_PREFIX}{_NAME}\s+)?(?P<be>is|are|remains){_NOW}\s+contraindicated{_NOW}\s*(?P<how>in|for|during|with|when|:)\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_CONTRAINDICATED_AFTER = re.compile(
    rf"^in\s+(?P<rest>[^,;]+),\s+{_NAME}\s+(?:is|are){_NOW}\s+contraindicated\s*[.;]?$", re.IGNORECASE
)
_DO_NOT_USE_IN = re.compile(
    rf"(?:^|(?<=[.:;]\s))(?:(?:{_NAME}\s+(?:should|must)\s+not\s+be\s+(?:used|taken|given|administered|prescribed))"
    r"|(?:do\s+not\s+(?:use|give|take|administer|prescribe)(?:\s+(?P<object>(?!with|in|together)[A-Za-z][\w-]*(?:\s+[a-z][\w-]*)?))?))"
    r"\s+(?:in|by|to)\s+(?P<rest>(?:patients|people|women|men|children|adults|infants|pregnan|breast|nursing|anyone|those|individuals|neonates).+)",
    re.IGNORECASE | re.DOTALL,
)
_COMBINED = re.compile(
    rf"(?:(?:{_PREFIX}{_NAME}\s+)?(?P<must>must|should)\s+not\s+be\s+(?:used|taken|given|administered|combined|co-?administered|prescribed)"
    r"(?:\s+(?:concomitantly|concurrently|together|simultaneously|in\s+combination))?\s+with"
    r"|\b(?:avoid|do\s+not\s+(?:use|take|give|combine|(?:co-?)?administer))\s+(?:the\s+)?(?:(?:concomitant|concurrent|combined|simultaneous)\s+)?"
    r"(?:(?:use|administration|co-?administration|treatment|combination)\s*)?(?:of\s+)?(?P<name2>(?!with\b|in\b|to\b|together\b|concomitantly\b|concurrently\b|patients\b|use\b|pregnan|becoming\b|if\b|when\b|administering\b|using\b|taking\b)[A-Za-z][\w-]*(?:\s+(?!with\b|in\b|to\b|together\b|concomitantly\b|concurrently\b|patients\b|use\b|pregnan|becoming\b|if\b|when\b|administering\b|using\b|taking\b)[\w-]+){0,3}\s+)?"
    r"(?:(?:concomitantly|concurrently|together|in\s+combination|taking|using)\s+)?with)\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_JOINT = (
    r"(?:(?:concomitant|concurrent|combined|simultaneous)\s+(?:use|administration|treatment|therapy)|co-?administration|combination)"
    r"\s+(?:of\s+)?(?P<name>(?!with\b)[A-Za-z][\w-]*(?:\s+(?!with\b|and\b|in\b)[\w-]+){0,3}\s+)?(?:in\s+combination\s+)?(?:with|and)"
    r"|\buse\s+(?:of\s+(?P<name2>(?!with\b)[A-Za-z][\w-]*(?:\s+(?!with\b|and\b|in\b)[\w-]+){0,3}\s+))?(?:in\s+combination\s+)?with"
)
_COMBINATION_IS = re.compile(
    rf"(?:{_JOINT})\s+(?P<rest>(?:(?!\b(?:was|were|is|are|may|has|have|should|must|and\s+co)\b)[^.;])+?)\s+"
    rf"(?:(?:is|are){_NOW}\s+(?:contraindicated|not\s+recommended)|(?:should|must)\s+be\s+avoided)",
    re.IGNORECASE | re.DOTALL,
)
_INDICATED = re.compile(
    rf"{_PREFIX}{_NAME}\s+(?:is|are){_NOW}\s+(?:indicated|approved|licensed)\s+(?:for\s+(?:the\s+)?|in\s+|as\s+(?:an?\s+)?|to\s+(?=treat|reduce|lower|prevent))(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_LINE = r"(?:first[\s-]+line|first[\s-]+choice|preferred\s+(?:first|initial))"
_KIND = r"(?:treatment|therapy|drug|agent|option|choice|medication|medicine|antibiotic|pharmacotherapy)"
_FIRST_IS = re.compile(
    rf"^(?P<value>(?!(?:the|it|this|there|no)\b)[A-Za-z][\w'-]*(?:\s+(?!is\b|are\b|should\b)[\w'/+-]+){{0,5}}?)\s+(?:is|are|remains|should\s+be|has\s+become)"
    rf"{_NOW}\s*(?:(?:recommended|used|considered|preferred|given|offered)\s+)?(?:as\s+)?(?:the\s+|a\s+)?(?:recommended\s+|preferred\s+)?{_LINE}"
    rf"(?:\s+{_KIND})?(?:\s+of\s+choice)?\s+(?:for|in|of)\s+(?:(?:the\s+)?(?:treatment|management)\s+of\s+)?(?P<condition>[^,;.()\[]+)",
    re.IGNORECASE,
)
_FIRST_FOR = re.compile(
    rf"(?:^|the\s+)(?:recommended\s+)?{_LINE}\s+{_KIND}\s+(?:for|in|of)\s+(?P<condition>[^,;.()\[]+?)\s+(?:is|are|should\s+be|remains)"
    rf"{_NOW}\s+(?:with\s+)?(?P<value>[^,;.()\[]+)",
    re.IGNORECASE,
)
_PREGNANCY = re.compile(r"\b(?:pregnan\w+|lactation|breast-?feeding)\b", re.IGNORECASE)
_PREGNANCY_ADVICE = re.compile(
    r"\b(?P<value>(?:should|must|may|can)\s+(?:not\s+)?be\s+(?:used|taken|given|continued|administered|discontinued|stopped|avoided)[^.;,(]*"
    r"|(?:avoid|discontinue|stop|do\s+not\s+use|do\s+not\s+take)\b[^.;,(]*|(?:is|are)\s+(?:not\s+recommended|contraindicated)[^.;,(]*)",
    re.IGNORECASE,
)
_AVOID_PREGNANCY = re.compile(
    r"\b(?:avoid|prevent)\s+(?:becoming\s+)?pregnan|\btest\s+for\s+pregnan|pregnancy\s+test", re.IGNORECASE
)
_STOPPING = re.compile(r"(?:(?:should|must)\s+be\s+(?:discontinued|stopped)|discontinue|stop)\b", re.IGNORECASE)
_ONCE_PREGNANT = re.compile(r"\b(?:if|when|once|as\s+soon\s+as|in\s+case\s+of)\b[^.;]*\bpregnan", re.IGNORECASE)
_POINTER = re.compile(r"(?:it|this|the|these|patients?|women|you|therapy|treatment)\b", re.IGNORECASE)
_LEADING_NAME = re.compile(r"(?:the\s+use\s+of\s+)?(?P<name>[A-Z][\w-]*(?:\s+[a-z][\w-]*){0,2})\s*$")
_BOXED = r"boxed.?warning|34066-1"
_WARNING = re.compile(
    r"^[\s#*\-•]*(?:(?:boxed\s+)?warnings?\s*[:\-–—]\s*)+(?P<value>(?!warnings?\b)[^.\n]{3,200})", re.IGNORECASE
)
_CONTRAINDICATIONS = r"contraindication|34070-3"
_STOP = re.compile(
    r"\s*(?:\[|\(\s*(?:see|\d)|[;]|\.(?:\s|$)|\n\s*\n|,?\s+(?:because|due\s+to|since|as\s+(?:this|it|there|the)|which\s+(?:may|can)|and\s+(?:should|must|is|are|may)\b)"
    r"|,\s+(?:because|since|as)\b|\bor\s+if\b)",
    re.IGNORECASE,
)
_TURNED = re.compile(r"\b(?:not|no\s+longer|never|neither)\s*(?:\w+\s+)?$", re.IGNORECASE)
_OPEN_ENDED = re.compile(r"(?::|\b(?:with|in|for|of|the|a|an|and|or|following))\s*$", re.IGNORECASE)
"""Ends of a phrase that goes on elsewhere ("in patients with:")."""
_ELSEWHERE = re.compile(r"\b(?:these|those|such|this)\b", re.IGNORECASE)
"""Words that point at another sentence."""
_MAX_OBJECT = 220


def read_label(sentence: str, place: Place) -> list[Fact]:
    """Give what a sentence says beside doses; nothing where it is hedged, open or takes cases out."""
    if not place.advises:
        return []
    boxed = _boxed_warning(sentence, place)
    if boxed:
        return boxed
    if OPEN.search(sentence) or EXCEPTION.search(sentence):
        return []
    readings = (_contraindications, _interactions, _indications, _first_lines, _pregnancy)
    facts = [fact for reading in readings for fact in reading(sentence)]
    return facts or _listed_contraindication(sentence, place)


def _object(sentence: str, start: int, end: int) -> Span | None:
    """Give the object phrase from ``start`` to the first stop, if it is one that can be said."""
    stop = _STOP.search(sentence, start, end)
    span = trimmed(sentence, start, stop.start() if stop else end)
    if _OPEN_ENDED.search(sentence, 0, end) or _OPEN_ENDED.search(span.text):
        return None
    if not 3 <= len(span.text) <= _MAX_OBJECT or NEGATION.search(span.text) or _ELSEWHERE.search(span.text):
        return None
    return span


def _named(match: re.Match[str], *groups: str) -> str | None:
    return next((found.strip() for group in groups if (found := match.groupdict().get(group))), None)


def _fact(relation: str, subject: str | None, value: Span | None) -> list[Fact]:
    return [] if value is None else [Fact(relation, subject, value)]


def _contraindications(sentence: str) -> list[Fact]:
    if NEGATION.search(sentence) and not _DO_NOT_USE_IN.search(sentence):
        return []
    after = _CONTRAINDICATED_AFTER.match(sentence)
    if after is not None:
        return _fact("contraindicated_in", after["name"], trimmed(sentence, *after.span("rest")))
    match = _CONTRAINDICATED.search(sentence)
    if match is not None:
        if match["name"] is None and sentence[: match.start()].strip(" -*•·"):
            return []
        relation = (
            "contraindicated_with"
            if match["how"].casefold() == "with" and not _PREGNANCY.match(match["rest"])
            else "contraindicated_in"
        )
        return _fact(relation, match["name"], _object(sentence, *match.span("rest")))
    refused = _DO_NOT_USE_IN.search(sentence)
    if refused is None or _TURNED.search(sentence[: refused.start()]):
        return []
    return _fact("contraindicated_in", _named(refused, "name", "object"), _object(sentence, *refused.span("rest")))


def _listed_contraindication(sentence: str, place: Place) -> list[Fact]:
    """An item of the list under Contraindications: a phrase without a verb."""
    if not place.is_about(_CONTRAINDICATIONS) or NEGATION.search(sentence):
        return []
    stripped = sentence.strip()
    if re.search(
        r"\b(?:is|are|was|were|has|have|should|must|may|can|do|contraindicat\w+)\b|:\s*$", stripped, re.IGNORECASE
    ):
        return []
    lead = re.match(r"[\s\-*•·◦‣▪●]*(?:\(?[\da-z]{1,2}[.)]\s+)?", stripped)
    value = _object(sentence, sentence.index(stripped) + (lead.end() if lead else 0), len(sentence))
    return _fact("contraindicated_in", None, value) if value and len(value.text.split()) <= 25 else []


def _interactions(sentence: str) -> list[Fact]:
    match = _COMBINED.search(sentence)
    if match is not None:
        if match["rest"].casefold().startswith("caution"):
            return []
        return _fact("interacts_with", _named(match, "name", "name2"), _object(sentence, *match.span("rest")))
    match = _COMBINATION_IS.search(sentence)
    if match is None or re.search(r"\bnot\s+contraindicated", match.group(), re.IGNORECASE):
        return []
    relation = "contraindicated_with" if match.group().casefold().endswith("contraindicated") else "interacts_with"
    return _fact(relation, _named(match, "name", "name2"), _object(sentence, *match.span("rest")))


def _indications(sentence: str) -> list[Fact]:
    match = _INDICATED.search(sentence)
    if match is None or NEGATION.search(sentence):
        return []
    return _fact("indicated_for", match["name"], _object(sentence, *match.span("rest")))


def _first_lines(sentence: str) -> list[Fact]:
    """The condition is the subject, the drug the object."""
    match = _FIRST_IS.search(sentence) or _FIRST_FOR.search(sentence)
    if match is None or NEGATION.search(sentence) or re.search(r"\bindicated\b", sentence, re.IGNORECASE):
        return []
    condition = match["condition"].strip()
    placed = re.fullmatch(
        r"(?P<condition>.+?)\s+in\s+(?P<people>(?:\w+\s+){0,3}(?:patients|adults|children|women|men|adolescents|people|infants)\b.*)",
        condition,
        re.IGNORECASE,
    )
    qualifiers: tuple[tuple[str, str], ...] = ()
    if placed is not None:
        condition, qualifiers = placed["condition"], (("population", placed["people"].strip()),)
    value = trimmed(sentence, *match.span("value"))
    return [Fact("first_line_treatment_for", condition, value, qualifiers)]


def _pregnancy(sentence: str) -> list[Fact]:
    """What to do in pregnancy; that a pregnancy is to be avoided is another advice."""
    if not _PREGNANCY.search(sentence) or _CONTRAINDICATED.search(sentence) or _DO_NOT_USE_IN.search(sentence):
        return []
    match = _PREGNANCY_ADVICE.search(sentence)
    if match is None or _AVOID_PREGNANCY.search(sentence):
        return []
    stop = re.compile(r"\s*\[|\s+and\s+(?:the|call|your|her)\b").search(sentence, *match.span("value"))
    value = trimmed(sentence, match.start("value"), stop.start() if stop else match.end("value"))
    stops = _STOPPING.match(value.text) is not None and _ONCE_PREGNANT.search(sentence) is not None
    if not (stops or re.search(r"\bpregnan", value.text, re.IGNORECASE)) or len(value.text) > _MAX_OBJECT:
        return []
    named = re.match(
        r"(?:the\s+use\s+of\s+)?(?P<name>[A-Z][\w-]*(?:\s+[a-z][\w-]*){0,2})\s*$", sentence[: match.start()]
    )
    subject = named["name"] if named and not _POINTER.match(named["name"]) else None
    return [Fact("pregnancy_lactation_advice", subject, value)]


def _boxed_warning(sentence: str, place: Place) -> list[Fact]:
    """The heading of the box: ``WARNING: LACTIC ACIDOSIS``."""
    match = _WARNING.match(sentence)
    if match is None or not (
        place.is_about(_BOXED) or match.group().lstrip(" #*-•").startswith(("WARNING", "Boxed", "BOXED"))
    ):
        return []
    return _fact("boxed_warning", None, trimmed(sentence, *match.span("value")))
