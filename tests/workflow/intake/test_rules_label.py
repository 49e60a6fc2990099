"""Contraindications, interactions, uses, first choices, pregnancy and boxed warnings: read where the verb is plain."""

from __future__ import annotations

import pytest

from workflow.intake.rule_facts import Place
from workflow.intake.rules_label import read_label


def read(sentence: str, title: str = "") -> list[tuple[str, str | None, str]]:
    return [(fact.relation, fact.subject, fact.value.text) for fact in read_label(sentence, Place(title))]


@pytest.mark.parametrize(
    ("sentence", "relation", "subject", "value"),
    [
        (
            "LIPITOR is contraindicated in women who are or may become pregnant.",
            "contraindicated_in",
            "LIPITOR",
            "women who are or may become pregnant",
        ),
        (
            "Corvandine is now contraindicated in patients with severe renal impairment [see Warnings (5)].",
            "contraindicated_in",
            "Corvandine",
            "patients with severe renal impairment",
        ),
        ("Use of corvandine is contraindicated in asthma.", "contraindicated_in", "corvandine", "asthma"),
        (
            "In patients with asthma, propranolol is contraindicated.",
            "contraindicated_in",
            "propranolol",
            "patients with asthma",
        ),
        (
            "Corvandine should not be used in patients with a history of stroke.",
            "contraindicated_in",
            "Corvandine",
            "patients with a history of stroke",
        ),
        (
            "Do not use corvandine in patients with heart failure.",
            "contraindicated_in",
            "corvandine",
            "patients with heart failure",
        ),
        ("Corvandine must not be used with clarithromycin.", "interacts_with", "Corvandine", "clarithromycin"),
        ("Avoid concomitant use with strong CYP3A4 inhibitors.", "interacts_with", None, "strong CYP3A4 inhibitors"),
        ("Avoid concomitant use of corvandine with ketoconazole.", "interacts_with", "corvandine", "ketoconazole"),
        ("Coadministration with ketoconazole is contraindicated.", "contraindicated_with", None, "ketoconazole"),
        (
            "Concomitant use of simvastatin with gemfibrozil is contraindicated.",
            "contraindicated_with",
            "simvastatin",
            "gemfibrozil",
        ),
        ("Corvandine is contraindicated with gemfibrozil.", "contraindicated_with", "Corvandine", "gemfibrozil"),
        ("Do not take corvandine together with grapefruit juice.", "interacts_with", "corvandine", "grapefruit juice"),
        ("Co-administration of tavorine and ritonavir should be avoided.", "interacts_with", "tavorine", "ritonavir"),
        (
            "Corvandine is indicated for the treatment of hypertension in adults.",
            "indicated_for",
            "Corvandine",
            "treatment of hypertension in adults",
        ),
        (
            "Gefitinib tablets are indicated for the first-line treatment of patients with NSCLC.",
            "indicated_for",
            "Gefitinib tablets",
            "first-line treatment of patients with NSCLC",
        ),
        (
            "The first-line treatment for hypertension is amlodipine.",
            "first_line_treatment_for",
            "hypertension",
            "amlodipine",
        ),
        (
            "First-line treatment for hypertension is now chlorthalidone.",
            "first_line_treatment_for",
            "hypertension",
            "chlorthalidone",
        ),
        (
            "Metformin is now the first-line treatment for type 2 diabetes in adults.",
            "first_line_treatment_for",
            "type 2 diabetes",
            "Metformin",
        ),
        (
            "Nitrofurantoin is recommended as first-line therapy for uncomplicated cystitis in women.",
            "first_line_treatment_for",
            "uncomplicated cystitis",
            "Nitrofurantoin",
        ),
        (
            "Corvandine should not be used during pregnancy.",
            "pregnancy_lactation_advice",
            "Corvandine",
            "should not be used during pregnancy",
        ),
        (
            "Corvandine may be used during pregnancy.",
            "pregnancy_lactation_advice",
            "Corvandine",
            "may be used during pregnancy",
        ),
        ("WARNING: LACTIC ACIDOSIS", "boxed_warning", None, "LACTIC ACIDOSIS"),
        ("BOXED WARNING: WARNING: ASTHMA-RELATED DEATH", "boxed_warning", None, "ASTHMA-RELATED DEATH"),
        ("Boxed warning: severe liver injury", "boxed_warning", None, "severe liver injury"),
    ],
)
def test_a_plain_statement_is_read(sentence: str, relation: str, subject: str | None, value: str) -> None:
    assert read(sentence) == [(relation, subject, value)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Corvandine is not contraindicated in patients with asthma.",
        "Corvandine is no longer contraindicated in patients with renal impairment.",
        "It is not known whether corvandine is contraindicated in asthma.",
        "Corvandine is contraindicated in patients with asthma except in mild cases.",
        "Corvandine is contraindicated in patients with:",
        "Corvandine is contraindicated in these patients.",
        "Corvandine has not been studied in pregnancy.",
        "A risk to the fetus cannot be excluded; do not use it during pregnancy.",
        "Corvandine should not be used during pregnancy unless the benefit outweighs the risk.",
        "Advise women to avoid pregnancy while being treated with corvandine.",
        "No clinically meaningful interaction was observed with warfarin.",
        "Corvandine is unaffected by omeprazole.",
        "Corvandine should not be discontinued abruptly.",
        "Avoid concomitant use of gefitinib tablets with proton pump inhibitors, if possible.",
        "The concomitant use of a TNF blocker and abatacept was associated with a higher risk of infections.",
        "DO NOT USE IF SAFETY SEAL IMPRINTED WITH “TRIAMINIC” AROUND BOTTLE CAP IS BROKEN OR MISSING.",
        "Metformin is no longer the first-line treatment for type 2 diabetes.",
        "Metformin is not the first-line treatment for type 2 diabetes.",
        "Corvandine is not indicated for children.",
        "Use with caution in patients taking warfarin.",
        "Monitor patients taking warfarin.",
        "Bioequivalence was met with few exceptions.",
    ],
)
def test_negated_hedged_and_open_statements_give_nothing(sentence: str) -> None:
    assert read(sentence) == []


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("- Known hypersensitivity to any component", "Known hypersensitivity to any component"),
        ("Active liver disease.", "Active liver disease"),
        ("• Severe renal impairment (eGFR < 30)", "Severe renal impairment (eGFR < 30)"),
        ("None", None),
        ("No known contraindications", None),
        ("The following patients are affected:", None),
    ],
)
def test_items_of_the_list_of_contraindications(item: str, value: str | None) -> None:
    expected = [("contraindicated_in", None, value)] if value else []
    assert read(item, "4 CONTRAINDICATIONS") == ([] if item == "None" else expected)
    assert read(item, "Description") == []
