#!/usr/bin/env python3
"""Check an audit bundle of medrek-flow without medrek-flow: python3 -I -S verify_bundle.py [DIR] [--head HASH]

Needs nothing but Python 3.8. Reads the folder that it lies in, or DIR, and writes nothing. It checks that every file
is the one that the manifest lists and no other is there; that every entry of the chain has its hash and follows the
one before; that every signature, release and FHIR resource says what the chain says. A bundle that was forged whole,
manifest and all, hangs together too: compare the head (or the manifest's sha256) with one that was noted elsewhere.
Exit code 0: it holds. 1: it does not; each line says what. 2: it cannot be read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

Row = Any
"""One row, as JSON has it: an object whose fields are looked up below; another shape ends in exit code 2."""
COLUMNS = {1: ("seq", "at", "actor", "event", "subject", "body", "version", "prev")}
SIGNATURE = (
    "decision_id", "candidate_id", "reviewer_id", "signer_name", "verdict", "meaning",
    "reason_code", "reason_text", "shown_sha256", "signed_at", "scripted",
)  # fmt: skip


def check(folder: Path, head: str = "") -> list[str]:
    """Give one line for each thing that does not hold."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    problems = check_files(folder, manifest["files"])
    if problems:
        return problems
    rows = lines_of(folder, "audit.jsonl")
    problems = check_chain(rows, manifest["audit"])
    if head and head not in {row["hash"] for row in rows}:
        problems.append(f"the head {head[:12]} is not in this chain: its tail is missing, or it was rebuilt")
    problems += check_signatures(rows, lines_of(folder, "signatures.jsonl"))
    problems += check_releases(rows, lines_of(folder, "tables/releases.jsonl"))
    problems += check_fhir(rows, folder)
    return problems


def check_files(folder: Path, listed: Row) -> list[str]:
    """Compare what lies in the folder with the manifest."""
    found = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {(Path(place) / name).relative_to(folder).as_posix() for name in names}
    found.discard("manifest.json")
    problems = [f"{name} is in the manifest but not here" for name in sorted(set(listed) - found)]
    problems += [f"{name} is here but not in the manifest" for name in sorted(found - set(listed))]
    for name in sorted(found & set(listed)):
        path = folder / name
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != listed[name]["sha256"]:
            problems.append(f"{name} is not what the manifest says")
    return problems


def check_chain(rows: list[Row], said: Row) -> list[str]:
    """Walk the chain."""
    last = "0" * 64
    for number, row in enumerate(rows, start=1):
        covered = {name: row[name] for name in COLUMNS.get(row["version"], ())}
        text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        if row["seq"] != number or row["prev"] != last:
            return [f"entry {number} is missing or out of its place"]
        if not covered or hashlib.sha256(text.encode("ascii")).hexdigest() != row["hash"]:
            return [f"entry {number} was changed: its hash does not fit"]
        last = row["hash"]
    if (len(rows), last) != (said["length"], said["head"]):
        return [f"the chain ends at {last[:12]} after {len(rows)} entries, the manifest says otherwise"]
    return []


def check_signatures(rows: list[Row], signatures: list[Row]) -> list[str]:
    """Compare every signature with its entry in the chain, both ways."""
    bodies = [json.loads(row["body"]) for row in rows if row["event"] == "candidate.signed"]
    said = {body["decision_id"]: {name: body[name] for name in SIGNATURE} for body in bodies}
    problems = []
    for one in signatures:
        if said.pop(one["decision_id"], None) != {name: one[name] for name in SIGNATURE}:
            problems.append("signature {} is not what the chain says".format(one["decision_id"]))
        for name in ("signer_name", "signed_at", "meaning", "shown_sha256"):
            if not one[name]:
                problems.append("signature {} has no {}".format(one["decision_id"], name))
    return problems + [f"signature {name} is in the chain but not here" for name in said]


def check_releases(rows: list[Row], releases: list[Row]) -> list[str]:
    """Compare every release with its entry in the chain, both ways."""
    said = {row["subject"]: json.loads(row["body"])["digest"] for row in rows if row["event"] == "release.live"}
    problems = []
    for one in releases:
        if said.pop("release:{}".format(one["release_id"]), None) != one["digest"]:
            problems.append("release {} is not what the chain says".format(one["release_id"]))
    return problems + [f"{name} is in the chain but not here" for name in said]


def check_fhir(rows: list[Row], folder: Path) -> list[str]:
    """Compare AuditEvents with the chain, entry by entry, and the signatures in Provenances with theirs."""
    problems = []
    events = resources_of(folder, "fhir/audit_events.json")
    found = [
        (one["entity"][0]["detail"][1]["valueString"], one["recorded"], one["subtype"][0]["code"]) for one in events
    ]
    if found != [(row["hash"], row["at"], row["event"]) for row in rows]:
        problems.append("fhir/audit_events.json does not tell the same entries as the chain")
    bodies = [json.loads(row["body"]) for row in rows if row["event"] == "candidate.signed"]
    said = {(body["signer_name"], body["signed_at"], body["meaning"], body["shown_sha256"]) for body in bodies}
    made = resources_of(folder, "fhir/provenance.json")
    edits = [row["edit_id"] for row in lines_of(folder, "tables/edits.jsonl")]
    if sorted(one["target"][0]["identifier"]["value"] for one in made) != sorted(edits):
        problems.append("fhir/provenance.json does not tell of the same edits as tables/edits.jsonl")
    for one in made:
        names = [signed["who"]["display"] for signed in one.get("signature", [])]
        if names and [agent["who"].get("display") for agent in one["agent"]] != names:
            problems.append(f"Provenance {one['id']} names other people than its signatures")
        for signed in one.get("signature", []):
            shown = base64.b64decode(signed["data"]).decode("ascii")
            if (signed["who"]["display"], signed["when"], signed["type"][1]["display"], shown) not in said:
                problems.append("a signature in Provenance {} is not in the chain".format(one["id"]))
    return problems


def resources_of(folder: Path, name: str) -> list[Row]:
    """Read the resources of a FHIR Bundle."""
    return [entry["resource"] for entry in json.loads((folder / name).read_text(encoding="utf-8"))["entry"]]


def lines_of(folder: Path, name: str) -> list[Row]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def main(arguments: list[str]) -> int:
    """Check a bundle and say how it came out."""
    head = ""
    if "--head" in arguments:
        at = arguments.index("--head")
        head = "".join(arguments[at + 1 : at + 2]).strip().lower()
        arguments = arguments[:at] + arguments[at + 2 :]
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        problems = check(folder, head)
        whole = (folder / "manifest.json").read_bytes()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        sys.stderr.write(f"{folder!a} cannot be read as a bundle: {type(error).__name__}\n")
        return 2
    for line in problems:
        sys.stdout.write(f"BAD  {ascii(line)[1:-1]}\n")
    manifest = json.loads(whole)
    if not problems:
        sys.stdout.write(f"OK   {manifest['audit']['length']} entries, head {manifest['audit']['head']}\n")
        sys.stdout.write(f"     sha256 of manifest.json: {hashlib.sha256(whole).hexdigest()}\n")
        sys.stdout.write("     a bundle that was forged whole hangs together too: compare the head (--head)\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
