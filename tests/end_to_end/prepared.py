"""Sites that many tests start from, each made once by real commands and copied for every test."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.end_to_end.shell import Shell

WOMEN = "What is the recommended dose of corvandine for women?"
MEN = "What is the recommended dose of corvandine for men?"
FIRST_NIGHT, SECOND_NIGHT, THIRD_NIGHT = (f"2026-11-0{day}T02:00:00Z" for day in (5, 6, 7))
_LABEL = """Product: Corvandine (Corvanex)
Kind: label
Set ID: 00000000-0000-4000-8000-00000000c0de

# 2 Dosage and Administration

The recommended dose of corvandine for women is {} once daily.
The recommended dose of corvandine for men is 10 mg once daily.
"""


def label(dose: str) -> str:
    """A label of an invented drug whose dose for women is the one given."""
    return _LABEL.format(dose)


@dataclass(frozen=True)
class Prepared:
    """The sites, made when they are first asked for."""

    folder: Path

    def copy(self, template: Shell, root: Path) -> Shell:
        """Give a test a site of its own."""
        shutil.copytree(template.root, root)
        return Shell(root)

    @cached_property
    def baseline(self) -> Shell:
        """One night old: the label is known, nothing is proposed; a short question set stands for the FAQ."""
        site = Shell(self.folder / "baseline")
        site.make_site()
        questions = [f"What is the recommended dose of {drug}?" for drug in ("tavorine", "melistat", "benzarolol")]
        (site.root / "faq.jsonl").write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")
        site.configure("gate", faq_file="faq.jsonl")
        site.configure("gate.limits", faq_moved=0.7)
        site.drop("corvandine.md", label("10 mg"))
        site.night(FIRST_NIGHT)
        return site

    @cached_property
    def signed(self) -> Shell:
        """Two nights old: the new dose was proposed, rehearsed and signed; no batch yet."""
        site = self.copy(self.baseline, self.folder / "signed")
        site.drop("corvandine.md", label("5 mg"))
        site.night(SECOND_NIGHT)
        site.sign(str(site.one("SELECT candidate_id FROM candidates WHERE state = 'pending'")))
        return site

    @cached_property
    def live(self) -> Shell:
        """The new dose is in force."""
        site = self.copy(self.signed, self.folder / "live")
        site.done("promote", "--yes")
        return site
