"""The wall's reading of what a quote does with its claim: denies, weakens, narrows or turns it.

Pure. Owns which reading refuses and which asks for attention: refused is what can be read in one way only, attention
is for a person. It must never let a doubt pass without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from workflow.intake import text_turns
from workflow.intake.name_kinds import looks_like_condition, looks_like_drug
from workflow.intake.normalise import names_stand, population
from workflow.intake.phrases import EXCEPTION, NEGATION, OPEN, PERIOD, POPULATION
from workflow.intake.relations import DOSES, Kind, relation_of
from workflow.intake.sentences import tokens
from workflow.records import Candidate, Certainty, Evidence, Polarity

_STRICT = DOSES | {"contraindicated_in"}
"""Relations where any negation, exception or open question in the clause counts: labels state them plainly."""
_NOT_MORE = (
    r"\b(?:not|no|without)\s+(?:be\s+)?(?:to\s+)?"
    r"(?:exceed\w*|(?:(?:take|use|give|administer)\s+)?more)\b"
)
_SAYS_NOT = {
    "max_daily_dose": _NOT_MORE,
    "contraindicated_in": r"\b(?:should|must|do)\s+not\s+(?:be\s+)?(?:use|take|give|administer|prescribe)\w*",
}
"""Negations that belong to what a relation says; any other one in the clause may turn the claim round."""
_ADVISES_AGAINST = frozenset(
    {
        "contraindicated_with",
        "interacts_with",
        "not_recommended_for",
        "no_longer_indicated_for",
        "pregnancy_lactation_advice",
    }
)
_CLAUSE = re.compile(r";|\.\s+(?=[^\sa-z])|,\s+but\b|\n\s*\n")
_HARMS = frozenset({"adverse_reaction", "warning"})


@dataclass(frozen=True)
class Ruling:
    """What the wall says of a candidate: why it is refused, and what a person must look at where it is not."""

    refused: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    held: tuple[str, ...] = field(default=(), compare=False)
    """Names of the rules that were asked and found nothing."""
    doubted: tuple[str, ...] = field(default=(), compare=False)
    """Names of those that found something."""

    @property
    def words(self) -> str:
        """How many of the rules that were asked hold, and which do not: ``12 of 13 rules hold, not: people``."""
        counted = f"{len(self.held)} of {len(self.held) + len(self.doubted)} rules hold"
        return f"{counted}, not: {', '.join(self.doubted)}" if self.doubted else counted

    @property
    def admitted(self) -> bool:
        """Neither refused nor in need of attention."""
        return not self.refused and not self.attention

    @property
    def outcome(self) -> str:
        """``admitted``, ``attention`` or ``refused``."""
        return "refused" if self.refused else "attention" if self.attention else "admitted"

    def __add__(self, other: Ruling) -> Ruling:
        """Give both, each reason once."""
        doubted = _once(*self.doubted, *other.doubted)
        held = tuple(name for name in _once(*self.held, *other.held) if name not in doubted)
        return Ruling(
            _once(*self.refused, *other.refused), _once(*self.attention, *other.attention), held=held, doubted=doubted
        )


def refuse(*reasons: str) -> Ruling:
    """Give a refusal."""
    return Ruling(refused=reasons)


def attend(*reasons: str) -> Ruling:
    """Give what a person must look at."""
    return Ruling(attention=reasons)


def named(rule: str, ruling: Ruling) -> Ruling:
    """Note that a rule was asked, and whether it holds."""
    return replace(ruling, held=(rule,)) if ruling.admitted else replace(ruling, doubted=(rule,))


NOTHING = Ruling()


def turns(candidate: Candidate, claim: Evidence, own: tuple[str, ...]) -> Ruling:
    """Judge polarity, certainty, people, and the order of subject and object in one claim's quote.

    Args:
        candidate: Normalised.
        claim: One of its claims, whose quote stands where it says.
        own: Names of the document's own product.
    """
    clause = clause_of(candidate.object_new, claim.quote)
    found = (
        named("people", _people(candidate, claim, own))
        + named("order of subject and object", _order(candidate, claim, own))
        + named("scope", _scope(candidate, claim, own))
    )
    if candidate.relation in _STRICT:
        return found + named("denial and doubt", _strictly(candidate, clause))
    names = (candidate.object_new, candidate.subject, *candidate.aliases)
    near = text_turns.around(claim.quote, names, reach=30 if relation_of(candidate.relation).symmetric else 16)
    if candidate.relation in _HARMS:
        near = f"{text_turns.list_head(claim.quote, candidate.object_new)} {near}"
    denial = named("denial", _polarity(candidate, claim, clause, near))
    return found + denial + named("certainty", _certainty(candidate, near))


def clause_of(said: str, quote: str) -> str:
    """Give the clause of the quote that holds the words said; the whole quote where none holds them whole."""
    words = tokens(said)
    clauses = [clause for clause in _CLAUSE.split(" ".join(quote.split())) if stands(words, tokens(clause))]
    return clauses[0] if clauses else " ".join(quote.split())


def stands(said: tuple[str, ...], quoted: tuple[str, ...]) -> bool:
    """Say whether a run of tokens stands in another."""
    return any(quoted[at : at + len(said)] == said for at in range(len(quoted) - len(said) + 1))


def _strictly(candidate: Candidate, clause: str) -> Ruling:
    """Refuse a clause that denies outright; any other negation, exception, doubt or open question is for a person."""
    if candidate.polarity is Polarity.NEGATED:
        return attend("the fact is a negated one")
    if text_turns.denied_outright(clause, candidate.object_new):
        return refuse("the quote holds a negation that the candidate drops")
    found = []
    if OPEN.search(clause) is not None:
        found.append("the quote leaves the question open")
    if EXCEPTION.search(clause) is not None:
        found.append("the quote takes cases out that the candidate drops")
    allowed = _SAYS_NOT.get("max_daily_dose" if _is_limit(candidate) else candidate.relation)
    rest = re.sub(allowed, " ", clause, flags=re.IGNORECASE) if allowed else clause
    if NEGATION.search(_without(rest, candidate.object_new)) is not None:
        found.append("the quote holds a word that may deny the fact")
    if text_turns.doubts_advice(_without(clause, candidate.object_new), is_dose=candidate.relation in DOSES):
        found.append("the quote hedges, the fact does not")
    if candidate.relation == "max_daily_dose" and not (sets_limit(clause) and PERIOD.search(clause)):
        found.append("the quote sets no limit")
    return attend(*found, *_of_another_drug(candidate, clause))


def _of_another_drug(candidate: Candidate, clause: str) -> list[str]:
    """A dose directly followed by another drug's name: "with 20 mg of X"."""
    if candidate.relation not in DOSES:
        return []
    beside = re.search(
        rf"(?<!\w){re.escape(candidate.object_new.strip())}\s+of\s+([A-Za-z]\w{{3,}})", clause, re.IGNORECASE
    )
    if beside is None or not looks_like_drug(beside[1]):
        return []
    names = (candidate.subject, *candidate.aliases)
    return [] if names_stand(names, beside[1]) else ["the quote gives the dose of another drug"]


def _polarity(candidate: Candidate, claim: Evidence, clause: str, near: str) -> Ruling:
    between_drugs = relation_of(candidate.relation).symmetric
    if candidate.polarity is Polarity.NEGATED:
        denied = text_turns.negation_cue(claim.quote, between_drugs=True, beside_placebo=True)
        return NOTHING if denied else attend("the fact is negated, the quote hardly")
    if candidate.relation == "evidence_for":
        return _direction(candidate, claim)
    outright = (
        between_drugs
        and text_turns.no_interaction(clause)
        and names_stand((candidate.subject, *candidate.aliases), clause)
    )
    if outright or text_turns.negated_clearly(clause, candidate.object_new, compares=between_drugs):
        return refuse("the quote holds a negation that the candidate drops")
    said = text_turns.without_advice(near) if candidate.relation in _ADVISES_AGAINST else near
    said = said.replace(candidate.object_new, " ")
    if text_turns.negation_cue(said, between_drugs=between_drugs, beside_placebo=candidate.relation in _HARMS):
        return attend("the quote holds a word that may deny the fact")
    return NOTHING


_UP = re.compile(
    r"\b(?:increas|higher|great|more|improv|elevat|ris|rose|better|longer|superior|rais|gain|larger|faster|enhanc"
    r"|prolong|up)\w*",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:decreas|lower|less|reduc|fewer|declin|fell|fall|drop|short|smaller|diminish|inferior|worse|slower"
    r"|suppress|loss|lost|prevent|attenuat|down)\w*",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:no|not|n't|without|neither|nor|similar|comparable|equivalent|unchanged|identical|same|non-?significant\w*"
    r"|ns|did\s+not|failed)\b"
    r"|\bp\s*[>=]\s*0?\.[1-9]|\bp\s*=\s*0?\.0[5-9]",
    re.IGNORECASE,
)


def _direction(candidate: Candidate, claim: Evidence) -> Ruling:
    """An effect as trials report it: up, down, or no difference; the quote must have a word for it."""
    said = candidate.object_new
    if re.search(r"\bno\b|\bnot\b|similar|unchanged", said, re.IGNORECASE):
        return NOTHING if _LEVEL.search(claim.quote) else attend("the quote hardly says that nothing differed")
    wanted, other = (_UP, _DOWN) if _UP.search(said) else (_DOWN, _UP)
    if wanted.search(said) is None:
        return NOTHING
    if wanted.search(claim.quote) is None:
        return attend("the quote has no word for the direction of the effect")
    if other.search(claim.quote) is not None or _LEVEL.search(claim.quote) is not None:
        return attend("the quote may tell of another direction as well")
    return NOTHING


def _certainty(candidate: Candidate, near: str) -> Ruling:
    if candidate.certainty is Certainty.DEFINITE and text_turns.hedge_cue(near.replace(candidate.object_new, " ")):
        return attend("the quote hedges, the fact does not")
    return NOTHING


def _people(candidate: Candidate, claim: Evidence, own: tuple[str, ...]) -> Ruling:
    carried = text_turns.carries_people(candidate.qualifiers.items())
    if candidate.relation in DOSES:
        if candidate.qualifiers.get("population"):
            return NOTHING
        clause = clause_of(candidate.object_new, claim.quote)
        for lead in re.finditer(r"\b(?:in|for)\s+|^[\s\-*•]*", clause, re.IGNORECASE):
            people = POPULATION.match(clause, lead.end())
            if people is not None and population(people["people"]) and "exceed" not in people.group():
                return attend("the quote names a population that the candidate drops")
        return NOTHING
    if relation_of(candidate.relation).object is Kind.PEOPLE or carried:
        return NOTHING
    in_report = not own and not relation_of(candidate.relation).symmetric and candidate.relation != "evidence_for"
    rest = claim.quote.replace(candidate.object_new, " ")
    if not in_report:
        rest = text_turns.around(rest, (candidate.subject, *candidate.aliases))
    if text_turns.people_said(rest, in_report=in_report):
        return attend("the quote is about certain people, the fact is not")
    return NOTHING


_CAUSES = (
    r"(?:[\s-]*(?:induced|related|associated|caused)\b|\s+(?:caus(?:e|es|ed|ing)|induc(?:es|ed|ing)|produc(?:es|ed"
    r"|ing)|provok(?:es|ed|ing)|precipitat(?:es|ed|ing))\b)"
)
_CAUSED = (
    r"\b(?:due\s+to|caused\s+by|induced\s+by|secondary\s+to|associated\s+with|following|after|during|from"
    r"|treated\s+with|receiving|received|taking|on)\s+(?:[\w-]+\s+){0,3}?"
)


def _order(candidate: Candidate, claim: Evidence, own: tuple[str, ...]) -> Ruling:
    """Whether subject and object have changed places, by what each looks like and by what stands beside them."""
    entry = relation_of(candidate.relation)
    is_own = names_stand(own, candidate.subject)
    if entry.symmetric or entry.subject is not Kind.DRUG or is_own or candidate.relation == "evidence_for":
        return NOTHING
    subject, said, quote = candidate.subject, candidate.object_new, claim.quote
    reversed_form = re.search(rf"\b{re.escape(said)}{_CAUSES}|{_CAUSED}{re.escape(said)}\b", quote, re.IGNORECASE)
    forward_form = re.search(rf"\b{re.escape(subject)}{_CAUSES}|{_CAUSED}{re.escape(subject)}\b", quote, re.IGNORECASE)
    if looks_like_condition(subject):
        return attend("the subject does not look like a drug")
    if entry.object is not Kind.DRUG and looks_like_drug(said) and not looks_like_drug(subject):
        return attend("the object looks like a drug, the subject does not")
    if candidate.relation in _HARMS and reversed_form is not None and forward_form is None:
        return attend("subject and object may have changed places")
    return NOTHING


def _scope(candidate: Candidate, claim: Evidence, own: tuple[str, ...]) -> Ruling:
    """Whether the quote tells of animals, or of a class of drugs of which the subject is only one."""
    found = []
    near = text_turns.around(claim.quote, (candidate.object_new,), reach=30)
    if candidate.certainty is Certainty.DEFINITE and text_turns.animal_cue(near):
        found.append("the quote tells of animals or cells")
    if candidate.relation in _HARMS and candidate.certainty is Certainty.DEFINITE and text_turns.class_cue(near):
        names = (candidate.subject, *candidate.aliases, *own)
        if not any(text_turns.class_cue(name) for name in names):
            found.append("the quote speaks of a class of drugs")
    return attend(*found)


def _is_limit(candidate: Candidate) -> bool:
    """A dose that is said to be a highest one: "not to exceed" belongs to it."""
    return candidate.relation in DOSES and "max" in candidate.qualifiers.get("dose", "").casefold()


def sets_limit(clause: str) -> bool:
    """Say whether a word of it sets a limit: "at most", "not to exceed", "maximum"."""
    limit = re.search(
        r"\b(?:max\w*|highest|exceed\w*|not?\s+more|more\s+than|up\s+to|limit\w*)\b", clause, re.IGNORECASE
    )
    return limit is not None


def _without(clause: str, said: str) -> str:
    """Take the object's own words out, with what stands in brackets and beside it after a comma."""
    clause = re.sub(re.escape(said), " ", clause, flags=re.IGNORECASE)
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\bwith\s+or\s+without\s+food\b", " ", clause, flags=re.IGNORECASE)


def _once(*reasons: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
