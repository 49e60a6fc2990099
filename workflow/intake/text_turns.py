"""What turns a statement round, weakens it, or narrows it: negations, hedges and people of a passage, as cues.

Owns the words. Two strengths: a *clear* turn stands where no other reading is left, a *cue* is a word that a person
has to look at. Pure text; nothing here knows a document. What is clear refuses, what is a cue asks for attention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from workflow.intake.normalise import population
from workflow.intake.phrases import POPULATION

_WORD = re.compile(r"\S+")
_ADVICE = (
    r"\b(?:should|must|need)\s*(?:not|n't)\b|\b(?:do|may|can|could)\s+not\s+(?:be\s+)?(?:use|take|give|administer"
    r"|combin|start|exceed|mix|co)\w*"
    r"|\bnot\s+(?:generally\s+|be\s+)*(?:recommended|advised|advisable|indicated|exceed|use|take|give|administer"
    r"|combine|start)\w*"
    r"|\bnot\s+only\b|\bno\s+(?:longer|more\s+than|less\s+than|later\s+than|fewer\s+than)\b|\bwhether\s+or\s+not\b"
    r"|\bwith\s+or\s+without\b|\bcannot\s+be\s+(?:excluded|ruled\s+out)\b|\bnot\s+limited\s+to\b"
    r"|\bnot\s+(?:otherwise\s+)?(?:specified|listed)\b"
)
_ADVISES = re.compile(_ADVICE, re.IGNORECASE)
_NEGATION_CUE = re.compile(
    r"\b(?:not|no|never|neither|nor|none|without|cannot|lack(?:s|ed|ing)?|absen(?:ce|t)|fail(?:s|ed|ure)?\s+(?:to|of)"
    r"|unaffected|unaltered|unchanged|unlikely|denie[sd]|free\s+(?:of|from)|rul(?:e|es|ed|ing)\s+out|exclud(?:e|ed"
    r"|es|ing)"
    r"|negligible|insignificant\w*|non-?significant\w*|unrelated|unjustified|unfounded|little|rather\s+than|ineffective"
    r"|inactive|unresponsive|alternat(?:e|ive)\s+(?:etiology|cause))\b|n't\b",
    re.IGNORECASE,
)
_LEVEL_CUE = re.compile(
    r"\b(?:similar(?:ly)?|comparable|equivalent|identical|same|minimal(?:ly)?|small|slight(?:ly)?|weak(?:ly)?"
    r"|independent(?:ly)?"
    r"|constant|stable|safe(?:ly)?|tolerated|bioequivalen\w+|abolish\w*|neutral|modest)\b|\bp\s*[>=]\s*0?\.[1-9]",
    re.IGNORECASE,
)
"""Words by which a study says that two things hardly act on each other."""
_PLACEBO = re.compile(r"\bplacebo\b|\bcontrol(?:s|\s+group)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:may|might|can|could|possib\w+|probab\w+|potential\w*|suggest\w*|suspect\w*|suspicion|appears?|appeared"
    r"|seem\w*"
    r"|likel\w+|unlikely|presum\w+|perhaps|apparently|hypothe(?:s|tic)\w+|theoretical\w*|unclear|unknown"
    r"|uncertain\w*|whether"
    r"|risks?|chance|believ\w+|thought|assum\w+|speculat\w+|postulat\w+|propos\w+|implicat\w+|attribut\w+|questions?"
    r"|questioned|questionable|should|would|expected|predict(?:s|ed)|to\s+our\s+knowledge|not\s+known|cannot\s+be"
    r"|conceivabl\w+|plausib\w+|tend(?:s|ed|ency)|aware|alert|concern\w*|consider\w*|typically|usually|susceptible"
    r"|if|unexplained|recognized|infrequent|occasionally|rarely)\b|\?",
    re.IGNORECASE,
)
_ANIMAL = re.compile(
    r"\b(?:rats?|mice|mouse|rabbits?|dogs?|monkeys?|rodents?|animals?|guinea\s+pigs?|hamsters?|in\s+vitro|murine"
    r"|cynomolgus)\b",
    re.IGNORECASE,
)
_CLASS = re.compile(
    r"\b[\w-]*(?:blockers?|inhibitors|agonists?|antagonists|antipsychotics?|antidepressants?|antiepileptics?"
    r"|corticosteroids?|contraceptives?"
    r"|anticoagulants?|immunosuppressants?|COCs?|AEDs?|LABAs?|NSAIDs?|SSRIs?|GBCAs?|NNRTIs?|biologics|compounds)\b"
    r"|\b(?:other|these|such|all|some)\s+(?:\w+\s+){0,2}(?:drugs|agents|medicines|medications|products)\b"
    r"|\b(?:drugs?|agents|medicines)\s+in\s+(?:the|this|its)\s+class\b"
    r"|\b(?:antiepileptic|antipsychotic|antidepressant|anticoagulant|antiretroviral|immunosuppress\w+|beta\S*agonist"
    r"|contrast)\s+(?:drugs?|agents?|medications?|therap\w+)\b",
)
_PEOPLE = re.compile(
    r"\b\d{1,3}[\s-]*(?:year|yr|month|week|day)s?[\s-]*old\b|\baged\b|\b(?:wom[ae]n|men|(?:a|the|this|one|old|white"
    r"|black)\s+man|males?|females?"
    r"|child(?:ren)?|infants?|neonat\w+|newborns?|adolescents?|teenagers?|elderly|geriatric\w*|p(?:a)?ediatric\w*"
    r"|girls?|boys?"
    r"|pregnant|lactating|mothers?|adults?|volunteers?|smokers?|survivors?|recipients?|homozygo\w+|heterozygo\w+"
    r"|(?:renal|hepatic)(?:ly)?\s+(?:impaired|impairment|insufficiency))\b|\bpatients?\s+(?:with|undergoing"
    r"|suffering|having)\b"
    r"|\b(?:[a-z]+(?:ic|al|ed|ive|ant)|HIV|AIDS|cancer|transplant|dialysis|asthma|psoriasis|burn"
    r"|ICU)[\s-]+patients\b(?<!treated patients)",
    re.IGNORECASE,
)
_CASES = re.compile(
    r"\b(?:patients?|cases?|subjects?|individuals?|persons?|people|he|she|his|her|him|man|addicts?|recipients?"
    r"|users?|volunteers?"
    r"|offspring|twins?|observations|population|workers?|donors?)\b",
    re.IGNORECASE,
)
"""Whom a case report is about, where it says no more than that."""


def around(text: str, names: Iterable[str], *, reach: int = 16) -> str:
    """Give the part of a text that holds these names, with so many words on both sides; all of it where none stands.

    A passage that runs on (a table, a list) holds words about other things; a cue counts near the names only.
    """
    words = list(_WORD.finditer(text))
    places = [
        match.start()
        for name in names
        if name.strip()
        for match in re.finditer(re.escape(name.strip()), text, re.IGNORECASE)
    ]
    if not places or len(words) <= 2 * reach:
        return text
    near = [number for number, word in enumerate(words) if any(word.start() <= at < word.end() + 1 for at in places)]
    if not near:
        return text
    first, last = max(0, near[0] - reach), min(len(words), near[-1] + reach + 1)
    if last - first > 6 * reach:
        kept = {number for one in near for number in range(max(0, one - reach), min(len(words), one + reach + 1))}
        return " ".join(words[number].group() for number in sorted(kept))
    return text[words[first].start() : words[last - 1].end()]


_HEAD_WORDS = 14


def list_head(text: str, name: str) -> str:
    """Give the words with which the sentence of a name begins: what they say holds for a whole list."""
    at = text.casefold().find(name.strip().casefold())
    begins = max((match.end() for match in re.finditer(r"[.;]\s+(?=[A-Z])", text[: max(at, 0)])), default=0)
    return " ".join(text[begins : max(at, 0)].split()[:_HEAD_WORDS])


def negated_clearly(clause: str, value: str, *, compares: bool = False) -> bool:
    """Say whether the clause denies ``value`` in so many words: "no evidence of X", "X was not observed".

    Args:
        clause: The clause that holds it.
        value: What may be denied.
        compares: Whether "without X" and "in the absence of X" only name what X was compared with.
    """
    rest = _ADVISES.sub(" ", clause)
    lacks = "no" if compares else r"no|without(?:\s+any)?|absence\s+of|free\s+of"
    said = re.escape(value.strip())
    return bool(
        re.search(
            rf"\b(?:{lacks})\s+(?:(?:evidence|signs?|cases?"
            rf"|reports?)\s+of\s+)?{said}\b(?![\w-])",
            rest,
            re.IGNORECASE,
        )
        or re.search(
            rf"\b{said}\s+(?:was|were|is|are|has|have)\s+not\s+(?:been\s+)?(?:observed|seen|reported|found|noted)\b",
            rest,
            re.IGNORECASE,
        )
    )


_DENIED = (
    r"(?:\s+[\w-]+){0,6}?\s+(?:(?:is|are|was|were|has|have|should|must|can)\s+not\s+|cannot\s+)(?:yet\s+)?(?:be(?:en)?\s+)?"
    r"(?:\w+ly\s+)?(?:recommended|advised|approved|indicated|contraindicated|studied|established|evaluated|determined|known"
    r"|used|given|taken|administered)\b"
)
_MORE_OR_LESS = re.compile(
    r"\b(?:greater|more|higher|above|exceeding|less|lower|below|fewer)(?:\s+than)?\W*$|[<>≤≥=]\W*$", re.IGNORECASE
)
_NOBODY_KNOWS = re.compile(
    r"\b(?:not\s+known|unknown|unclear|not\s+been\s+(?:established|determined))\s+(?:whether|if)\b", re.IGNORECASE
)


def denied_outright(clause: str, value: str) -> bool:
    """Say whether a clause denies what a label would state: "5 mg is not recommended", "not contraindicated in X".

    "Doses greater than 5 mg are not recommended" denies more than 5 mg, and not 5 mg.
    """
    said = re.escape(value.strip())
    if re.search(r"\bnot\s+contraindicated\b", clause, re.IGNORECASE) or _NOBODY_KNOWS.search(clause):
        return True
    found = re.search(rf"(?<!\w){said}{_DENIED}", clause, re.IGNORECASE)
    return found is not None and _MORE_OR_LESS.search(clause[: found.start()]) is None


_DOUBT = re.compile(
    r"\b(?:might|possibl[ye]|probabl[ye]|perhaps|suggest\w*|appears?|seem\w*|uncertain\w*|unclear|presum\w+|thought\s+to"
    r"|believed|theoretical\w*|potentially|likely|may\s+have)\b",
    re.IGNORECASE,
)
_MAY = re.compile(
    r"\b(?:may|can|could)\s+(?:also\s+)?be\s+(?:contraindicated|recommended|required|necessary|needed|appropriate|adequate"
    r"|sufficient|effective)\b",
    re.IGNORECASE,
)
"""Advice that is only a possibility; "may be increased to" is advice as labels give it."""


def doubts_advice(clause: str, *, is_dose: bool) -> bool:
    """Say whether a clause is unsure of the advice that it gives; of a contraindication any "may" is."""
    if _DOUBT.search(clause) is not None or _MAY.search(clause) is not None:
        return True
    return not is_dose and re.search(r"\b(?:may|can|could)\s+(?:also\s+)?be\b", clause, re.IGNORECASE) is not None


_NO_INTERACTION = re.compile(
    r"\bno\s+(?:(?:statistically|clinically|pharmaco\w+|significant|relevant|important|meaningful|apparent|known"
    r"|drug[\s-]drug|or|and|evidence\s+of(?:\s+an?)?)\s+){0,5}"
    r"interactions?\b|\b(?:did|does|do)\s+not\s+(?:\w+ly\s+)?interact\b",
    re.IGNORECASE,
)


def no_interaction(clause: str) -> bool:
    """Say whether the clause says outright that there is no interaction."""
    return _NO_INTERACTION.search(clause) is not None


def negation_cue(text: str, *, between_drugs: bool = False, beside_placebo: bool = False) -> bool:
    """Say whether a word that may deny stands in the text.

    Args:
        text: What stands around the names.
        between_drugs: Whether words count by which studies say that two drugs hardly act on each other.
        beside_placebo: Whether a placebo counts: what happened under it happened without the drug.
    """
    if _NEGATION_CUE.search(text) is not None:
        return True
    return bool((between_drugs and _LEVEL_CUE.search(text)) or (beside_placebo and _PLACEBO.search(text)))


def hedge_cue(text: str) -> bool:
    """Say whether a word that weakens stands in the text."""
    return _HEDGE.search(text) is not None


def animal_cue(text: str) -> bool:
    """Say whether the text tells of animals or of cells."""
    return _ANIMAL.search(text) is not None


def class_cue(text: str) -> bool:
    """Say whether the text speaks of a class of drugs."""
    return _CLASS.search(text) is not None


def people_said(text: str, *, in_report: bool = False) -> bool:
    """Say whether the text narrows its statement to certain people.

    Args:
        text: The passage.
        in_report: Whether it reports cases: anyone counts then, in a label only whom it tells apart.
    """
    if _PEOPLE.search(text) is not None or (in_report and _CASES.search(text) is not None):
        return True
    leads = re.finditer(r"\b(?:in|for|among)\s+", text, re.IGNORECASE)
    found = (POPULATION.match(text, lead.end()) for lead in leads)
    return any(match is not None and _narrows(population(match["people"])) for match in found)


def _narrows(people: str) -> bool:
    return (
        bool(people)
        and re.search(
            r"\b(?:treated|receiving|taking|on|who|using|given)\b|^\d+\b|^(?:these|those|some|many|most|other|both)\b",
            people,
        )
        is None
    )


def carries_people(qualifiers: Iterable[tuple[str, str]]) -> bool:
    """Say whether qualifiers name people or their condition."""
    return any(name in PEOPLE_QUALIFIERS and value.strip() for name, value in qualifiers)


PEOPLE_QUALIFIERS = frozenset(
    {"population", "condition", "renal_function", "hepatic_function", "pregnancy", "age", "sex", "circumstance"}
)
"""Qualifiers that say about whom a fact is."""


def without_advice(text: str) -> str:
    """Take out negations that only advise against something: "should not be taken with"."""
    return _ADVISES.sub(" ", text)
