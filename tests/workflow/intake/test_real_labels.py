"""Real labels against themselves, re-ordered and repackaged: no change, and no proposal. One dose changed: one."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from connectors.dropfolder import DropFolderSource
from connectors.notice import Delivery, Notice
from tests.workflow.intake.made_intake import WINDOW, IntakeSite
from workflow.intake.compare import compare
from workflow.intake.sentences import Sentence, split

LABELS = ("fda_lipitor-orig.xml", "fda_humira.xml", "fda_cough.xml")


def delivery(real_data: Path, name: str, folder: Path) -> Delivery:
    folder.mkdir(exist_ok=True)
    shutil.copyfile(real_data / "connectors/dailymed_spl" / name, folder / name)
    return next(iter(DropFolderSource(folder).pull(WINDOW)))


def sentences(text: str, notice: Notice) -> list[Sentence]:
    return split(text, notice.start, notice.end, notice.sections)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_label_whose_sections_are_re_ordered_is_unchanged(
    real_data: Path, tmp_path: Path, name: str, seed: int
) -> None:
    given = delivery(real_data, name, tmp_path / "labels")
    text, notice = given.document.text, given.notices[0]
    before = sentences(text, notice)
    assert len(before) > 20
    titles = list(dict.fromkeys(sentence.section for sentence in before))
    random.Random(seed).shuffle(titles)
    after = [sentence for title in titles for sentence in before if sentence.section == title]
    assert compare(before, after) == []


@pytest.mark.parametrize("name", LABELS)
def test_a_label_re_cased_and_re_spaced_is_unchanged(real_data: Path, tmp_path: Path, name: str) -> None:
    given = delivery(real_data, name, tmp_path / "labels")
    text, notice = given.document.text, given.notices[0]
    doubled = [
        Sentence(s.text.upper().replace(" ", "  "), s.start, s.end, s.section.upper()) for s in sentences(text, notice)
    ]
    assert compare(sentences(text, notice), doubled) == []


def test_one_dose_of_a_real_label_changed_is_one_proposal(real_data: Path, site: IntakeSite) -> None:
    name = "fda_lipitor-orig.xml"
    raw = (real_data / "connectors/dailymed_spl" / name).read_text(encoding="utf-8")
    sentence = "The recommended starting dose of LIPITOR is 10 or 20 mg once daily."
    assert raw.count("is 10 or 20 mg once daily") == 1
    for text in (raw, raw.replace("is 10 or 20 mg once daily", "is 5 or 10 mg once daily")):
        (site.drop / name).write_text(text, encoding="utf-8")
        site.night(DropFolderSource(site.drop))
    (candidate,) = site.proposed()
    assert candidate.subject == "atorvastatin"
    assert (candidate.object_old, candidate.object_new) == ("10 or 20 mg once daily", "5 or 10 mg once daily")
    assert candidate.evidence[0].quote == sentence.replace("10 or 20", "5 or 10")
    assert candidate.question == "What is the recommended starting dose of atorvastatin?"


def test_a_real_openfda_record_against_itself_re_ordered_is_unchanged(real_data: Path, site: IntakeSite) -> None:
    source = real_data / "connectors/openfda/biomcp_label_gefitinib_20261007.record1.json"
    raw = source.read_text(encoding="utf-8")
    for text in (raw, raw.replace("20260310", "20260311").replace("14.1", "14.2").replace("7.1", "8.1")):
        (site.drop / "label.json").write_text(text, encoding="utf-8")
        site.night(DropFolderSource(site.drop))
    assert site.changes("waiting", "extracted") == []
    assert site.proposed() == []
