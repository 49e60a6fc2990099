"""One fact's whole life with the site's own model, on a scratch site: proposed, signed, gated, live, traced, undone.

The drug is invented, so that no model knows it. Scripts sign here, which only a demo site allows; the user's site is
not touched and lends its settings for model, encoder and editor alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from workflow.qualification.sheet import Sheet
from workflow.qualification.shell import SiteShell, expect
from workflow.settings import EditorTable, EncoderTable, ModelTable, SourcesTable
from workflow.site import FirstReviewer, Site

SIGNER = "selftest"
QUESTION = "What is the recommended dose of corvandine for women?"
OTHERS = ("What is the recommended dose of corvandine for men?", "What is the capital of France?")
_NIGHTS = ("2026-11-05T02:00:00Z", "2026-11-06T02:00:00Z")
_LABEL = """Product: Corvandine (Corvanex)
Kind: label
Set ID: 00000000-0000-4000-8000-00000000c0de

# 2 Dosage and Administration

## 2.1 Recommended Dosage

The recommended dose of corvandine for women is {} once daily.
The recommended dose of corvandine for men is 10 mg once daily.
"""


def make_scratch(site: Site, folder: Path) -> SiteShell:
    """Make a demo site with the model, encoder and editor of the user's, and its drop folder as the only source."""
    settings = site.settings
    changed: dict[str, object] = {"site.name": "scratch site of a self-test"}
    for table, values in (("model", settings.model), ("encoder", settings.encoder), ("editor", settings.editor)):
        changed |= {f"{table}.{name}": value for name, value in _differing(values)}
    for table, name, value in (
        ("editor", "checkpoint", settings.editor.checkpoint),
        ("model", "base", settings.model.base),
    ):
        if (site.root / value).is_dir():
            changed[f"{table}.{name}"] = str(site.root / value)
    on = (name for name, one in SourcesTable().by_name.items() if one.enabled and name != "dropfolder")
    changed |= {f"sources.{name}.enabled": False for name in on}
    reviewer = FirstReviewer("Self-test (script)", "pharmacist", "no pin", reviewer_id=SIGNER, scripted=True)
    Site.create(folder, demo=True, signer_profile="one_signer", reviewer=reviewer, settings=changed)
    return SiteShell(folder)


def _differing(table: ModelTable | EncoderTable | EditorTable) -> Iterator[tuple[str, object]]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if value != field.default:
            yield name, value


def check_life(shell: SiteShell, sheet: Sheet) -> None:
    """Play the life of one fact; a step that needs an earlier one which failed fails too."""
    life = _Life(shell)
    sheet.check("the first version of a label is a baseline and proposes nothing", life.baseline)
    sheet.check("a label that changes makes one proposal, with its quote", life.propose)
    sheet.check("the model answers, and what it says before the edit is kept", life.ask_before)
    sheet.check("what nobody signed does not go live", life.refuse_unsigned)
    sheet.check("a signed fact passes its gate and goes live", life.promote)
    sheet.check("the model says the new fact", life.says_it)
    sheet.check("other questions fire nothing and are answered as before", life.others_stay)
    sheet.check("the answer traces back to the raw bytes received", life.trace)
    sheet.check("a rollback that is killed half way changes nothing", life.killed_rollback)
    sheet.check("a rollback gives back the memory of before, without loading a model", life.roll_back)
    sheet.check("every question is answered as before the edit", life.answers_as_before)
    sheet.check("the audit chain holds", life.chain)


class _Life:
    def __init__(self, shell: SiteShell) -> None:
        self._shell = shell
        self._before: dict[str, str] = {}
        self._after: dict[str, dict[str, object]] = {}

    def baseline(self) -> str:
        proposed = self._night(0, "10 mg")
        return expect(proposed == [], f"{len(proposed)} proposed")

    def propose(self) -> str:
        proposed = self._night(1, "5 mg")
        return expect(len(proposed) == 1 and "5 mg" in str(proposed[0]["object_new"]), f"{len(proposed)} proposed")

    def _night(self, number: int, dose: str) -> list[dict[str, object]]:
        (self._shell.root / "drop" / "corvandine.md").write_text(_LABEL.format(dose), encoding="utf-8")
        report = self._shell.json("night", "--now", _NIGHTS[number])
        return cast(list[dict[str, object]], report["proposed"])

    def ask_before(self) -> str:
        self._before = {question: str(one["answer"]) for question, one in self._answers().items()}
        return f"{len(self._before)} questions answered"

    def _answers(self) -> dict[str, dict[str, object]]:
        results = cast(list[dict[str, object]], self._shell.json("ask", QUESTION, *OTHERS)["results"])
        return {str(one["question"]): one for one in results}

    def refuse_unsigned(self) -> str:
        ended = self._shell.run("promote", "--yes")
        live = self._live()
        return expect(live == 0 and ended.code == 0, f"release {live} is live")

    def _live(self) -> int:
        release = cast(dict[str, object], self._shell.json("live")["release"])
        return int(str(release["release_id"]))

    def promote(self) -> str:
        listed = cast(list[dict[str, object]], self._shell.json("queue", "list")["candidates"])
        waiting = [str(one["candidate_id"]) for one in listed if one["state"] == "pending"]
        expect(len(waiting) == 1, f"expected one candidate that waits, got {len(waiting)}")
        signed = self._shell.run("queue", "decide", waiting[0], "--verdict", "approve", "--as", SIGNER)
        expect(signed.code == 0, signed.last_word)
        ended = self._shell.run("promote", "--yes", "--json")
        verdict = ended.fields.get("verdict", ended.last_word)
        live = self._live()
        return expect(ended.code == 0 and live == 1, f"gate: {verdict}; release {live} is live")

    def says_it(self) -> str:
        self._after = self._answers()
        one = self._after[QUESTION]
        return expect(
            "5 mg" in str(one["answer"]) and one["edit_id"], f"edit {one['edit_id']} answers: {one['answer']}"
        )

    def others_stay(self) -> str:
        moved = [q for q in OTHERS if self._after[q]["edit_id"] or self._after[q]["answer"] != self._before[q]]
        return expect(not moved, f"{len(OTHERS) - len(moved)} of {len(OTHERS)} unchanged")

    def trace(self) -> str:
        edit_id = str(self._after[QUESTION]["edit_id"])
        (found,) = cast(list[dict[str, object]], self._shell.json("trace", edit_id)["traces"])
        return expect(found["whole"], "every sha256 was computed again and holds")

    def killed_rollback(self) -> str:
        ended = self._shell.run("rollback", "b0001", "--reason", "self-test", kill_at="rollback.before_commit")
        live = self._live()
        return expect(ended.code == -9 and live == 1, f"killed with {-ended.code}; release {live} is live")

    def roll_back(self) -> str:
        done = cast(dict[str, object], self._shell.json("rollback", "b0001", "--reason", "self-test")["plan"])
        listed = cast(list[dict[str, object]], self._shell.json("release", "list")["releases"])
        digests = {int(str(one["release_id"])): str(one["digest"]) for one in listed}
        same = digests[0] == done["digest_new"] == digests[self._live()]
        return expect(same, f"digest {str(done['digest_new'])[:12]}, that of release 0: {digests[0][:12]}")

    def answers_as_before(self) -> str:
        now = {question: str(one["answer"]) for question, one in self._answers().items()}
        return expect(self._before and now == self._before, f"{len(now)} questions asked again")

    def chain(self) -> str:
        found = self._shell.json("audit", "verify")
        return expect(found["ok"], f"{found['length']} entries")
