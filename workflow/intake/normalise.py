"""Names and populations under one spelling: ingredient names without salt and form, brands as aliases, people.

Owns the alias table. Where a name leads to two ingredients it leads to none: an unmatched name stays as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.notice import NoticeKind
from workflow.intake.extractor import NoticeText
from workflow.intake.mentions import Lexicon
from workflow.intake.sentences import tokens
from workflow.intake.synonyms import MAIN_OF, same_ingredient
from workflow.intake.vocabulary import NO_FILES, NO_VOCABULARY, SiteVocabulary, Vocabulary
from workflow.intake.wordings import ABOUT_CONDITIONS, ABOUT_PAPERS
from workflow.records import Candidate

_MOST_ALIASES = 12
"""Of a vocabulary's names so many go along with a candidate; a text is searched with all of them."""


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SALTS = _words(
    "hydrochloride hcl hydrobromide sodium potassium calcium magnesium tartrate maleate mesylate mesilate besylate"
    " besilate fumarate succinate citrate phosphate sulfate sulphate acetate carbonate nitrate bromide chloride"
    " tosylate medoxomil axetil disodium dipotassium hemihydrate monohydrate dihydrate trihydrate anhydrous"
    " dihydrochloride bitartrate lactate gluconate malate oxalate pamoate decanoate valerate propionate furoate"
    " dimesylate etexilate cilexetil trometamol tromethamine lysine meglumine hyclate"
)
_FORMS = _words(
    "tablet tablets capsule capsules caplet caplets injection injections solution suspension syrup cream ointment gel"
    " patch patches spray drops powder oral film-coated coated chewable lozenge lozenges suppository suppositories"
    " inhaler aerosol infusion concentrate vial vials pen extended-release immediate-release delayed-release product"
    " products usp bp ph.eur therapy treatment medication for xr er sr cr label"
)
_ELEMENTS = _words("sodium potassium calcium magnesium lithium zinc iron ferrous ferric aluminium aluminum")
_TITLE_NOISE = re.compile(
    r"\b(?:label(?:ling|ing)?|prescribing\s+information|package\s+(?:insert|leaflet)|(?:full|highlights\s+of)|smpc|summary\s+of"
    r"\s+product\s+characteristics|patient\s+(?:information|leaflet)|dosage(?:\s+and\s+administration)?|version|revised|draft"
    r"|drug\s+facts|information|update[sd]?|safety|v?\d[\d.]*|\d*\s*m?c?g)\b|\.(?:txt|md|html?|xml|json)$|[#*_:()\[\]\-–—,/\\]",
    re.IGNORECASE,
)
_PEOPLE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b{written}\b", re.IGNORECASE), canonical)
    for written, canonical in (
        (r"(?:adult\s+)?(?:female\s+(?:adult\s+)?patients|females?|women|woman)", "women"),
        (r"(?:adult\s+)?(?<!fe)(?:male\s+(?:adult\s+)?patients|males?|men|man)", "men"),
        (r"adult\s+patients|adults?(?=\s+with)|adult", "adults"),
        (r"(?:p(?:a)?ediatric|child)\s+patients|p(?:a)?ediatric\s+population|p(?:a)?ediatrics?|child", "children"),
        (r"(?:elderly|geriatric|older)\s+(?:patients|adults|people|persons)|elderly|geriatrics?", "older adults"),
        (
            r"(?:renal|kidney)\s+(?:insufficiency|dysfunction|impairment)|(?:impaired|reduced)\s+(?:renal|kidney)\s+function",
            "renal impairment",
        ),
        (
            r"(?:hepatic|liver)\s+(?:insufficiency|dysfunction|impairment)|impaired\s+(?:hepatic|liver)\s+function",
            "hepatic impairment",
        ),
        (r"renally\s+impaired\s+patients", "patients with renal impairment"),
    )
)
_PARTS = re.compile(r"\s+and\s+|\s+with\s+(?=[a-z])|\s*[/+;]\s*(?=[A-Za-z])", re.IGNORECASE)
"""What stands between the ingredients of a combination."""
_RELEASE = re.compile(
    r"\b(?:(?P<long>xr|er|sr|cr|la|xl|extended[\s-]release|sustained[\s-]release|controlled[\s-]release|prolonged[\s-]release|modified[\s-]release)"
    r"|(?P<delayed>dr|delayed[\s-]release)|(?P<short>ir|immediate[\s-]release))\b",
    re.IGNORECASE,
)
_DOSE_RELATIONS = frozenset({"recommended_dose", "max_daily_dose", "dose_adjust_in"})
NOT_IN_VOCABULARY = "the site's vocabulary does not hold this name: its id is unknown"
_NAME = re.compile(r"[^\W\d_][\w' -]{2,60}")
_HEADING = re.compile(
    r"\b(?:dos(?:e|age|ing)|administration|contraindications?|indications?|warnings?|precautions?|posology|overdos\w+"
    r"|adverse|reactions?|interactions?|guideline|bulletin|memo|section|table|change[sd]?|patients?|adults?|children)\b",
    re.IGNORECASE,
)
"""Words of headings, which are no product's name."""
_ANYONE = frozenset({"patients", "people", "persons", "individuals", "patient", "most patients", "all patients"})
_SMALL = _words("the a an of with who are and or in for to is on patients people persons individuals")


def plain_name(name: str) -> str:
    """Give the ingredient's name in lower case, without salt, dosage form and strength; never empty for a name.

    Of a combination each part is stripped by itself, and the order of the parts stays.
    """
    parts = _PARTS.split(name)
    if len(parts) > 1 and all(part.strip() for part in parts):
        return " and ".join(_plain(part) for part in parts)
    return _plain(name)


def _plain(name: str) -> str:
    words = re.sub(r"\([^)]*\)|\b\d[\d.,]*\s*(?:mg|mcg|g|ml|%|units?)?(?:/\S+)?", " ", name.casefold()).split()
    words = [word.strip(".,;:®™*") for word in words]
    words = [word for word in words if word]
    while len(words) > 1 and (words[-1] in _FORMS or (words[-1] in _SALTS and words[-2] not in _ELEMENTS)):
        words.pop()
    while len(words) > 1 and words[0] in _FORMS:
        words.pop(0)
    return " ".join(words) or " ".join(name.casefold().split())


def product_names(notice: NoticeText) -> tuple[str, ...]:
    """Give the names of the notice's own product, ingredient first; else from its title or first line."""
    stated = tuple(name for name in notice.names if not _HEADING.search(name))
    if stated or notice.kind is not NoticeKind.LABEL:
        return stated
    first_line = notice.body.strip().partition("\n")[0]
    for line in (notice.title, first_line):
        name = plain_name(" ".join(_TITLE_NOISE.sub(" ", line).split()))
        if line[-1:] not in ".!?;" and len(name.split()) <= 3 and _NAME.fullmatch(name) and not _HEADING.search(name):
            return (name,)
    return ()


@dataclass(frozen=True, eq=False)
class AliasTable:
    """Which names mean the same ingredient: by the site's vocabulary first, then by the labels on record."""

    main_of: Mapping[str, str]
    names_of: Mapping[str, tuple[str, ...]]
    vocabulary: Vocabulary = NO_VOCABULARY
    conditions: Vocabulary = NO_VOCABULARY

    @classmethod
    def of(cls, groups: Iterable[tuple[str, ...]], files: SiteVocabulary = NO_FILES) -> AliasTable:
        """Build the table from groups of names, ingredient first, and the site's vocabulary files."""
        vocabulary = files.drugs
        names_of: dict[str, list[str]] = {}
        mains: dict[str, set[str]] = {}
        for group in groups:
            if not group:
                continue
            main = _usual_name(group[0], vocabulary)
            known = names_of.setdefault(main, [])
            for name in (*group, *same_ingredient(main)):
                if name not in known and name.casefold() != main:
                    known.append(name)
                for spelling in (name.casefold(), plain_name(name)):
                    mains.setdefault(spelling, set()).add(main)
        main_of = {spelling: next(iter(found)) for spelling, found in mains.items() if len(found) == 1}
        return cls(main_of, {main: tuple(names) for main, names in names_of.items()}, vocabulary, files.conditions)

    def main(self, name: str) -> str | None:
        """Give the ingredient that a name means, or None where it is unknown or means several."""
        return (
            self._in_vocabulary(name)
            or self.main_of.get(name.casefold())
            or self.main_of.get(plain_name(name))
            or MAIN_OF.get(plain_name(name))
        )

    def aliases(self, main: str) -> tuple[str, ...]:
        """Give the other names of an ingredient."""
        concept = self.vocabulary.find(main)
        listed = concept.names[:_MOST_ALIASES] if concept else ()
        found = dict.fromkeys((*self.names_of.get(main, ()), *listed, *same_ingredient(main)))
        return tuple(name for name in found if name.casefold() != main)

    def vocabulary_for(self, relation: str) -> Vocabulary:
        """Give the vocabulary that a relation's subject is looked up in: conditions for some, drugs for the rest."""
        return self.conditions if relation in ABOUT_CONDITIONS else self.vocabulary

    def lexicon(self) -> Lexicon:
        """Give the names of drugs, to be found in texts: the vocabulary's, else those of the labels on record."""
        return Lexicon.of((*self.main_of, *MAIN_OF)) if self.vocabulary.is_empty else self.vocabulary.lexicon

    def _in_vocabulary(self, name: str) -> str | None:
        concept = self.vocabulary.find(name) or self.vocabulary.find(plain_name(name))
        return concept.name if concept else None

    @property
    def known(self) -> tuple[str, ...]:
        """Every ingredient, sorted."""
        return tuple(sorted(self.names_of))


def _usual_name(name: str, vocabulary: Vocabulary) -> str:
    """The vocabulary's own name, else the one in use of two official ones, else the name without salt and form."""
    concept = vocabulary.find(name) or vocabulary.find(plain_name(name))
    return concept.name if concept else MAIN_OF.get(plain_name(name), plain_name(name))


def population(text: str) -> str:
    """Give a population under its usual name, in lower case but for abbreviations; empty for patients as such."""
    said = " ".join(word if any(c.isupper() for c in word[1:]) else word.casefold() for word in text.split())
    said = re.sub(r"^(?:the|all|most)\s+", "", said)
    if said in _ANYONE:
        return ""
    for written, canonical in _PEOPLE:
        said = written.sub(canonical, said, count=1)
    return said


def population_stands(value: str, text: str) -> bool:
    """Say whether every word of a population stands in the text, as written or under its usual name."""
    said = {*tokens(text), *tokens(_usual(text))}
    return all(word in _SMALL or word in said for word in tokens(_usual(value)))


def _usual(text: str) -> str:
    for written, canonical in _PEOPLE:
        text = written.sub(canonical, text)
    return text


def names_stand(names: Iterable[str], text: str) -> bool:
    """Say whether one of the names stands in the text, word for word, whatever its salt or dosage form."""
    said = f" {' '.join(tokens(text))} "
    return any(f" {spelled} " in said for name in names for spelled in _spellings(name) if spelled)


def _spellings(name: str) -> set[str]:
    return {" ".join(tokens(name)), " ".join(tokens(plain_name(name)))}


def normalise(candidate: Candidate, aliases: AliasTable, own: tuple[str, ...]) -> Candidate:
    """Give the candidate under the usual names: subject, aliases and population; the quotes stay as they are."""
    subject = " ".join(candidate.subject.split())
    written = subject
    if candidate.relation not in ABOUT_CONDITIONS | ABOUT_PAPERS:
        own_main = _usual_name(own[0], aliases.vocabulary) if own else ""
        subject = aliases.main(subject) or (own_main if own and _is_own(subject, own) else plain_name(subject))
    listed = aliases.vocabulary_for(candidate.relation)
    concept = None if candidate.relation in ABOUT_PAPERS else listed.find(subject)
    unmatched = () if concept or listed.is_empty or candidate.relation in ABOUT_PAPERS else (NOT_IN_VOCABULARY,)
    others = dict.fromkeys((*candidate.aliases, *aliases.aliases(subject)))
    if own and subject in {plain_name(own[0]), _usual_name(own[0], aliases.vocabulary)}:
        others.update(dict.fromkeys(name for name in own if name.casefold() != subject))
    qualifiers = {
        name: population(value) if name == "population" else " ".join(value.split())
        for name, value in candidate.qualifiers.items()
    }
    if candidate.relation in _DOSE_RELATIONS and not qualifiers.get("form") and (form := release_form(written)):
        qualifiers["form"] = form
    return candidate.model_copy(
        update={
            "subject": subject,
            "subject_id": concept.identifier if concept else "",
            "flags": tuple(dict.fromkeys((*candidate.flags, *unmatched))),
            "aliases": tuple(name for name in others if name.casefold() != subject.casefold()),
            "qualifiers": {name: value for name, value in sorted(qualifiers.items()) if value},
            "object_new": " ".join(candidate.object_new.split()),
        }
    )


def release_form(name: str) -> str:
    """Give the way of release that a product's name carries ("metformin ER"); empty where it says none."""
    found = _RELEASE.search(name)
    if found is None:
        return ""
    return "extended-release" if found["long"] else "delayed-release" if found["delayed"] else "immediate-release"


def _is_own(subject: str, own: tuple[str, ...]) -> bool:
    return plain_name(subject) in {plain_name(name) for name in own}
