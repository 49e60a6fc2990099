"""Checks on a copy of the user's site: saved and restored whole, in order, serving its live memory."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from workflow.ledger import audit
from workflow.qualification.sheet import Progress, Sheet
from workflow.qualification.shell import SiteShell, expect
from workflow.site import Site
from workflow.site_backup import BackupWritten, write_backup
from workflow.site_restore import restore_backup

MOST_ASKED = 5
"""Edits in force that are asked on the copy."""


class CopyChecks:
    """Checks of one site on a copy of it."""

    def __init__(self, site: Site, folder: Path, *, actor: str, progress: Progress) -> None:
        self._site, self._folder = site, folder
        self._actor, self._progress = actor, progress
        self._backup: BackupWritten | None = None
        self.shell = SiteShell(folder / "copy")

    def fill(self, sheet: Sheet) -> None:
        """Make all of them."""
        sheet.check("the site is saved whole while it goes on", self._save)
        sheet.check("the backup is restored with an equal audit head", self._restore)
        sheet.check("settings, ledger, chain, documents and shards are in order", self._doctor)
        sheet.check("decisions, releases and the live pointer are what the chain says", self._chain)
        sheet.check("the live memory fits the model and answers with its edits", self._ask)
        sheet.check("the newest batch in force can be rolled back", self._roll_back)

    def _save(self) -> str:
        ledger = self._site.open_ledger()
        try:
            target = self._folder / "site.tar"
            self._backup = write_backup(
                self._site, ledger, target, actor=self._actor, progress=self._progress, on_record=False
            )
        finally:
            ledger.close()
        return f"{self._backup.files} files, {self._backup.bytes} bytes"

    def _restore(self) -> str:
        saved = self._backup
        expect(saved, "nothing was saved")
        restored = restore_backup(self._folder / "site.tar", self.shell.root, progress=self._progress)
        head = saved.audit_head if saved else ""
        return expect(restored.audit_head == head, f"head {restored.audit_head[:12]}, {restored.audit_length} entries")

    def _doctor(self) -> str:
        ended = self.shell.run("doctor", "--quick", "--json")
        findings = cast(list[dict[str, object]], ended.fields["findings"])
        failed = [f"{one['what']}: {one['detail']}" for one in findings if one["level"] == "FAIL"]
        return expect(not failed, "; ".join(failed[:3]) or f"{len(findings)} findings, none failed")

    def _chain(self) -> str:
        found = self.shell.json("audit", "verify")
        return expect(found["ok"], str(found["reason"]) or f"{found['length']} entries")

    def _in_force(self) -> list[dict[str, object]]:
        return cast(list[dict[str, object]], self.shell.json("live")["edits"])

    def _ask(self) -> str:
        newest = {str(one["functional_key"]): one for one in self._in_force()}
        edits = list(newest.values())[-MOST_ASKED:]
        questions = [str(one["question"]) for one in edits] or ["What is aspirin?"]
        results = cast(list[dict[str, object]], self.shell.json("ask", *questions)["results"])
        right = sum(one["edit_id"] == edit["edit_id"] for one, edit in zip(results, edits, strict=False))
        release = results[0]["release_id"]
        if not edits:
            return expect(not results[0]["edit_id"], f"release {release}: no edit is in force, and none answers")
        return expect(
            right == len(edits), f"release {release}: {right} of {len(edits)} edits asked answer their question"
        )

    def _roll_back(self) -> str:
        edits = self._in_force()
        if not edits:
            return "nothing is in force: nothing to roll back"
        newest = max(edits, key=lambda one: int(str(one["batch_ordinal"])))["batch_id"]
        plan = cast(dict[str, object], self.shell.json("rollback", str(newest), "--reason", "self-test")["plan"])
        release = cast(dict[str, object], self.shell.json("live")["release"])
        same = release["digest"] == plan["digest_new"]
        return expect(same, f"{newest} left; digest {str(plan['digest_new'])[:12]} is live on the copy")


def head_of(site: Site) -> tuple[int, str]:
    """Give length and head of a site's chain."""
    ledger = site.open_ledger()
    try:
        with ledger.read() as connection:
            return audit.head(connection)
    finally:
        ledger.close()
