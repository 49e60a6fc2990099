"""Vocabulary files in their publishers' formats (own rows), and what they make of a name: its concept, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.intake.made_intake import TODAY, IntakeSite, MemorySource, delivered
from workflow.errors import SettingsError
from workflow.intake.collect import collect, window_for
from workflow.intake.detect import detect
from workflow.intake.normalise import NOT_IN_VOCABULARY, AliasTable, normalise, plain_name, release_form
from workflow.intake.propose import extract_document, waiting_documents
from workflow.intake.vocabulary import Concept, SiteVocabulary, Vocabulary
from workflow.intake.vocabulary_files import read_vocabulary
from workflow.records import Candidate, CandidateState, ChangeKind, Risk


def rrf(rxcui: str, kind: str, name: str, *, source: str = "RXNORM", language: str = "ENG", suppress: str = "N") -> str:
    cells = (rxcui, language, "", "", "", "", "", "a", "", "", "", source, kind, rxcui, name, "", suppress, "", "")
    return "|".join(cells)


CONSO = "\n".join(
    [
        rrf("1", "IN", "glyburide"),
        rrf("1", "SY", "Glibenclamide", source="MMSL"),
        rrf("1", "SY", "Glibenclamida", source="MMSL", language="SPA"),
        rrf("2", "PIN", "corvandine tartrate"),
        rrf("3", "IN", "corvandine"),
        rrf("4", "BN", "Corvanex"),
        rrf("5", "BN", "Sleepwell"),
        rrf("6", "IN", "tavorine"),
        rrf("7", "MIN", "corvandine / tavorine"),
        rrf("8", "BN", "Duovanex"),
        rrf("9", "IN", "oldine", suppress="O"),
    ]
)
REL = "\n".join(
    "|".join((home, "", "CUI", "RB", own, "", "CUI", how))
    for own, how, home in (
        ("2", "form_of", "3"),
        ("4", "tradename_of", "3"),
        ("5", "tradename_of", "3"),
        ("5", "tradename_of", "6"),
        ("8", "tradename_of", "3"),
        ("8", "tradename_of", "6"),
        ("8", "tradename_of", "7"),
    )
)
MESH_ASCII = """*NEWRECORD
RECTYPE = D
MH = Diabetes Mellitus, Type 2
PRINT ENTRY = NIDDM|T047|NON
ENTRY = Maturity-Onset Diabetes|T047|NON|EQV|NLM
MN = C18.452.394.750.149
UI = D003924

*NEWRECORD
RECTYPE = D
MH = Coffee
MN = J02.200
UI = D003069
"""
MESH_XML = """<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset.dtd">
<DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord DescriptorClass="1"><DescriptorUI>D006073</DescriptorUI>
<DescriptorName><String>Gout</String></DescriptorName>
<TreeNumberList><TreeNumber>C05.550.354.500</TreeNumber></TreeNumberList>
<ConceptList><Concept><TermList><Term><String>Gout</String></Term><Term><String>Gouty Arthritis</String></Term>
</TermList></Concept></ConceptList></DescriptorRecord>
<DescriptorRecord DescriptorClass="1"><DescriptorUI>D003069</DescriptorUI>
<DescriptorName><String>Coffee</String></DescriptorName>
<TreeNumberList><TreeNumber>J02.200</TreeNumber></TreeNumberList></DescriptorRecord>
</DescriptorRecordSet>
"""


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture
def rxnorm(tmp_path: Path) -> Vocabulary:
    written(tmp_path, "RXNREL.RRF", REL)
    return read_vocabulary(written(tmp_path, "RXNCONSO.RRF", CONSO), what="scope.vocabulary_file")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("Glibenclamide", "RxNorm:1"),
        ("GLYBURIDE", "RxNorm:1"),
        ("Glibenclamida", ""),
        ("corvandine tartrate", "RxNorm:3"),
        ("Corvanex", "RxNorm:3"),
        ("Sleepwell", "RxNorm:5"),
        ("Duovanex", "RxNorm:7"),
        ("oldine", ""),
        ("unheard", ""),
    ],
)
def test_rxnorm_by_ingredient_salt_brand_and_mixture(rxnorm: Vocabulary, name: str, identifier: str) -> None:
    found = rxnorm.find(name)
    assert (found.identifier if found else "") == identifier


def test_without_the_relations_a_brand_stands_for_itself(tmp_path: Path) -> None:
    alone = read_vocabulary(written(tmp_path, "names.rrf", CONSO), what="x")
    brand = alone.find("Corvanex")
    assert brand is not None
    assert brand.identifier == "RxNorm:4"


@pytest.mark.parametrize(
    ("text", "name", "identifier"),
    [
        (MESH_ASCII, "type 2 diabetes mellitus", "MeSH:D003924"),
        (MESH_ASCII, "NIDDM", "MeSH:D003924"),
        (MESH_ASCII, "coffee", ""),
        (MESH_XML, "gouty arthritis", "MeSH:D006073"),
        (MESH_XML, "coffee", ""),
        ("id\tname\nRxNorm:7\tcorvandine\nRxNorm:7\tCorvanex\n", "corvanex", "RxNorm:7"),
        ("ingredient,rxcui\nCorvandine,7\n", "corvandine", "RxNorm:7"),
        ("id,name,aliases\nX:1,corvandine,Corvanex|Corvadur\n", "corvadur", "X:1"),
        ("id,name\nX:1,twin\nX:2,twin\n", "twin", ""),
    ],
)
def test_other_formats(tmp_path: Path, text: str, name: str, identifier: str) -> None:
    found = read_vocabulary(written(tmp_path, "vocabulary", text), what="x").find(name)
    assert (found.identifier if found else "") == identifier


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,dose\na,b\n", "expected RXNCONSO"),
        ("id,name\n1,\n", "line 2"),
        ("id,name\n", "got none"),
        ("", "columns"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_vocabulary(written(tmp_path, "v.csv", text), what="scope.vocabulary_file")
    with pytest.raises(SettingsError, match="check the path"):
        read_vocabulary(tmp_path / "none.csv", what="scope.vocabulary_file")


def candidate(subject: str, relation: str = "recommended_dose") -> Candidate:
    return Candidate(
        subject=subject,
        relation=relation,
        object_new="5 mg once daily",
        question="",
        change_kind=ChangeKind.NEW,
        risk=Risk.LOW,
        extractor="rules/1",
    )


def test_a_subject_gets_the_vocabularys_name_id_and_other_names(rxnorm: Vocabulary) -> None:
    table = AliasTable.of([("glibenclamide", "Daonil")], SiteVocabulary(rxnorm))
    found = normalise(candidate("Glibenclamide tablets"), table, ())
    assert (found.subject, found.subject_id) == ("glyburide", "RxNorm:1")
    assert {"Daonil", "Glibenclamide"} <= set(found.aliases)
    assert NOT_IN_VOCABULARY not in found.flags


def test_a_name_that_no_file_holds_is_marked_and_stays_as_written(rxnorm: Vocabulary) -> None:
    table = AliasTable.of((), SiteVocabulary(rxnorm))
    found = normalise(candidate("novadine"), table, ())
    assert (found.subject, found.subject_id, found.flags) == ("novadine", "", (NOT_IN_VOCABULARY,))
    assert normalise(candidate("novadine"), AliasTable.of(()), ()).flags == ()


def test_a_condition_is_looked_up_among_conditions(rxnorm: Vocabulary) -> None:
    gout = Vocabulary.of([Concept("MeSH:D006073", ("Gout",))])
    table = AliasTable.of((), SiteVocabulary(rxnorm, gout))
    assert normalise(candidate("gout", "first_line_treatment_for"), table, ()).subject_id == "MeSH:D006073"
    assert normalise(candidate("stroke", "first_line_treatment_for"), table, ()).flags == (NOT_IN_VOCABULARY,)


@pytest.mark.parametrize(("name", "other"), [("paracetamol", "acetaminophen"), ("Glibenclamide", "glyburide")])
def test_two_official_names_are_one_ingredient_without_any_file(name: str, other: str) -> None:
    assert AliasTable.of(()).main(name) == other
    assert AliasTable.of([(name, "Brandex")]).main("Brandex") == other


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Corvandine tartrate and tavorine sodium tablets", "corvandine and tavorine"),
        ("corvandine hydrochloride/tavorine tablets", "corvandine and tavorine"),
        ("Sleepwell", "sleepwell"),
    ],
)
def test_a_combination_is_its_ingredients(written: str, name: str) -> None:
    assert plain_name(written) == name
    assert plain_name(written) not in {"corvandine", "tavorine"}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("metformin ER", "extended-release"),
        ("Glucophage XR", "extended-release"),
        ("metformin immediate-release", "immediate-release"),
        ("omeprazole DR", "delayed-release"),
        ("metformin", ""),
        ("ergotamine", ""),
    ],
)
def test_how_a_product_releases_is_a_qualifier_of_its_dose(name: str, form: str) -> None:
    assert release_form(name) == form
    assert normalise(candidate(name), AliasTable.of(()), ()).qualifiers == ({"form": form} if form else {})


def test_a_night_takes_names_from_the_vocabulary(site: IntakeSite, rxnorm: Vocabulary) -> None:
    label = "Corvanex\n\nConcomitant use of corvanex with tavorine should be avoided."
    site.night(MemorySource([delivered("Corvanex\n\nNothing yet.", names=("Corvanex",))]))
    run_id = site.start_run()
    source = MemorySource([delivered(label, names=("Corvanex",), version="2")])
    collect(site.ledger, site.documents, source, run_id=run_id, window=window_for(site.ledger, source, TODAY, 30))
    detect(site.ledger, site.documents, run_id=run_id)
    for document_id in waiting_documents(site.ledger):
        extract_document(
            site.ledger, site.documents, run_id=run_id, document_id=document_id, vocabulary=SiteVocabulary(rxnorm)
        )
    (stored,) = site.queue(CandidateState.PROPOSED)
    assert (stored.candidate.subject, stored.candidate.subject_id) == ("corvandine", "RxNorm:3")
    assert stored.candidate.stated == "tavorine"
