"""The sections of drug labels: one table of openFDA field names, LOINC codes and titles.

Source: FDA/openfda ``spl/data/sections.csv`` (CC0) for codes and names; 21 CFR 201.56-57 for the numbered order.
It knows where a section belongs, never what it says.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class LabelSection(NamedTuple):
    """One kind of section: openFDA field, LOINC code, title, and number in the PLR format (0: none)."""

    field: str
    loinc: str
    title: str
    number: int = 0


SECTIONS: tuple[LabelSection, ...] = (
    LabelSection("boxed_warning", "34066-1", "Boxed Warning"),
    LabelSection("recent_major_changes", "43683-2", "Recent Major Changes"),
    LabelSection("indications_and_usage", "34067-9", "Indications and Usage", 1),
    LabelSection("dosage_and_administration", "34068-7", "Dosage and Administration", 2),
    LabelSection("dosage_forms_and_strengths", "43678-2", "Dosage Forms and Strengths", 3),
    LabelSection("contraindications", "34070-3", "Contraindications", 4),
    LabelSection("warnings_and_cautions", "43685-7", "Warnings and Precautions", 5),
    LabelSection("warnings", "34071-1", "Warnings"),
    LabelSection("precautions", "42232-9", "Precautions"),
    LabelSection("general_precautions", "34072-9", "General Precautions"),
    LabelSection("adverse_reactions", "34084-4", "Adverse Reactions", 6),
    LabelSection("drug_interactions", "34073-7", "Drug Interactions", 7),
    LabelSection("drug_and_or_laboratory_test_interactions", "34074-5", "Drug and/or Laboratory Test Interactions"),
    LabelSection("laboratory_tests", "34075-2", "Laboratory Tests"),
    LabelSection("use_in_specific_populations", "43684-0", "Use in Specific Populations", 8),
    LabelSection("pregnancy", "42228-7", "Pregnancy"),
    LabelSection("teratogenic_effects", "34077-8", "Teratogenic Effects"),
    LabelSection("nonteratogenic_effects", "34078-6", "Nonteratogenic Effects"),
    LabelSection("labor_and_delivery", "34079-4", "Labor and Delivery"),
    LabelSection("nursing_mothers", "34080-2", "Nursing Mothers"),
    LabelSection("pediatric_use", "34081-0", "Pediatric Use"),
    LabelSection("geriatric_use", "34082-8", "Geriatric Use"),
    LabelSection("drug_abuse_and_dependence", "42227-9", "Drug Abuse and Dependence", 9),
    LabelSection("controlled_substance", "34085-1", "Controlled Substance"),
    LabelSection("abuse", "34086-9", "Abuse"),
    LabelSection("dependence", "34087-7", "Dependence"),
    LabelSection("overdosage", "34088-5", "Overdosage", 10),
    LabelSection("description", "34089-3", "Description", 11),
    LabelSection("clinical_pharmacology", "34090-1", "Clinical Pharmacology", 12),
    LabelSection("mechanism_of_action", "43679-0", "Mechanism of Action"),
    LabelSection("pharmacodynamics", "43681-6", "Pharmacodynamics"),
    LabelSection("pharmacokinetics", "43682-4", "Pharmacokinetics"),
    LabelSection("pharmacogenomics", "66106-6", "Pharmacogenomics"),
    LabelSection("microbiology", "49489-8", "Microbiology"),
    LabelSection("nonclinical_toxicology", "43680-8", "Nonclinical Toxicology", 13),
    LabelSection(
        "carcinogenesis_and_mutagenesis_and_impairment_of_fertility",
        "34083-6",
        "Carcinogenesis, Mutagenesis, Impairment of Fertility",
    ),
    LabelSection("animal_pharmacology_and_or_toxicology", "34091-9", "Animal Toxicology and/or Pharmacology"),
    LabelSection("clinical_studies", "34092-7", "Clinical Studies", 14),
    LabelSection("references", "34093-5", "References", 15),
    LabelSection("how_supplied", "34069-5", "How Supplied/Storage and Handling", 16),
    LabelSection("storage_and_handling", "44425-7", "Storage and Handling"),
    LabelSection("information_for_patients", "34076-0", "Patient Counseling Information", 17),
    LabelSection("active_ingredient", "55106-9", "Active Ingredient"),
    LabelSection("purpose", "55105-1", "Purpose"),
    LabelSection("do_not_use", "50570-1", "Do Not Use"),
    LabelSection("ask_doctor", "50569-3", "Ask a Doctor"),
    LabelSection("ask_doctor_or_pharmacist", "50568-5", "Ask a Doctor or Pharmacist"),
    LabelSection("when_using", "50567-7", "When Using"),
    LabelSection("stop_use", "50566-9", "Stop Use"),
    LabelSection("pregnancy_or_breast_feeding", "53414-9", "Pregnancy or Breast Feeding"),
    LabelSection("keep_out_of_reach_of_children", "50565-1", "Keep Out of Reach of Children"),
    LabelSection("inactive_ingredient", "51727-6", "Inactive Ingredient"),
    LabelSection("questions", "53413-1", "Questions"),
    LabelSection("user_safety_warnings", "54433-8", "User Safety Warnings"),
    LabelSection("spl_patient_package_insert", "42230-3", "Patient Package Insert"),
    LabelSection("spl_medguide", "42231-1", "Medication Guide"),
    LabelSection("instructions_for_use", "59845-8", "Instructions for Use"),
    LabelSection("patient_medication_information", "68498-5", "Patient Medication Information"),
    LabelSection("spl_unclassified_section", "42229-5", "Unclassified Section"),
    LabelSection("package_label_principal_display_panel", "51945-4", "Package Label, Principal Display Panel"),
    LabelSection("spl_product_data_elements", "48780-1", "Product Data Elements"),
)
UNCLASSIFIED_LOINC = "42229-5"
PRODUCT_DATA_FIELD = "spl_product_data_elements"
RECENT_CHANGES_FIELD = "recent_major_changes"
BY_FIELD = {section.field: section for section in SECTIONS}
BY_LOINC = {section.loinc: section for section in SECTIONS}
_BY_NUMBER = {section.number: section for section in SECTIONS if section.number}
_RANK = {section.field: rank for rank, section in enumerate(SECTIONS)}
_TELLING = frozenset(
    {
        "boxed_warning",
        "indications_and_usage",
        "dosage_and_administration",
        "contraindications",
        "warnings_and_cautions",
        "warnings",
        "adverse_reactions",
        "drug_interactions",
        "recent_major_changes",
    }
)

_NUMBERED = re.compile(r"^\s*(\d{1,2})((?:\.\d{1,2})*)\.?\s+(?=\S)")
_SYNONYMS = {
    "warnings and cautions": "warnings_and_cautions",
    "indications": "indications_and_usage",
    "dosage": "dosage_and_administration",
    "dosing": "dosage_and_administration",
    "recent changes": "recent_major_changes",
    "interactions": "drug_interactions",
    "side effects": "adverse_reactions",
    "overdose": "overdosage",
    "how supplied": "how_supplied",
    "information for patients": "information_for_patients",
}
_BY_TITLE = {section.title.casefold(): section.field for section in SECTIONS} | _SYNONYMS
_DATE = re.compile(r"\b(?:\d{4}-\d{2}(?:-\d{2})?|\d{1,2}\s?/\s?\d{4}|(?:[A-Z][a-z]{2,8} )?(?:19|20)\d\d)\b")
_LEAD = re.compile(r"(?i)^[\W_]*(?:recent major changes\b)?[\s:\-\u2013\u2014.*|,;]*")


def rank(field: str) -> tuple[int, str]:
    """A sort key: sections in the order of the label, unknown ones after them by name."""
    return _RANK.get(field, len(_RANK)), field


def title_of(field: str) -> str:
    """The title of an openFDA field; its words where the table does not know it."""
    known = BY_FIELD.get(field)
    return known.title if known else field.replace("_", " ").strip().capitalize()


def field_for(code: str) -> str:
    """The openFDA field for a LOINC code or a field name; ``""`` for neither."""
    if code in BY_LOINC:
        return BY_LOINC[code].field
    return code if code in BY_FIELD else ""


def field_for_heading(heading: str) -> str:
    """The openFDA field of a heading such as ``2.1 Recommended Dosage``: by title, else by number; else ``""``."""
    match = _NUMBERED.match(heading)
    title = heading[match.end() :] if match else heading
    title = " ".join(title.replace("&", "and").split()).strip(" :.*#").casefold()
    if title in _BY_TITLE:
        return _BY_TITLE[title]
    if title.startswith(("boxed warning", "warning:")):
        return "boxed_warning"
    if match and match.group(2):
        section = _BY_NUMBER.get(int(match.group(1)))
        return section.field if section else ""
    return ""


def tells_a_label(field: str) -> bool:
    """Claim: a document with this section is likely a drug label."""
    return field in _TELLING


def read_recent_changes(text: str) -> tuple[str, ...]:
    """The entries of a Recent Major Changes section, each as ``title (numbers) date`` as far as it is written.

    Entries are told apart by their dates, or else by lines; an undated text without lines is one entry.
    """
    entries: list[str] = []
    for line in text.splitlines() or [text]:
        position = 0
        for match in _DATE.finditer(line):
            end = match.end() + (line[match.end() : match.end() + 1] == ")")
            entries.append(line[position:end])
            position = end
        entries.append(line[position:])
    cleaned = (" ".join(_LEAD.sub("", entry).split()) for entry in entries)
    return tuple(dict.fromkeys(entry for entry in cleaned if _names_something(entry)))


def _names_something(entry: str) -> bool:
    return sum(c.isalpha() for c in _DATE.sub("", entry)) >= 3
