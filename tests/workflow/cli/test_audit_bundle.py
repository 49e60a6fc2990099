"""The bundle for inspection: whole, in correct FHIR, and checked by its own script without this program."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.cli.fhir_r4 import Bundle
from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run


@pytest.fixture
def bundle(run: Run, world: World, tmp_path: Path) -> Path:
    """A bundle of the filled site."""
    folder = tmp_path / "bundle"
    ran = run("audit", "export", str(folder))
    assert ran.code == 0, ran.err
    assert "verify_bundle.py" in ran.out
    return folder


def verify(bundle: Path, *arguments: str) -> tuple[int, str]:
    """Run the bundle's script in an empty folder, with no site packages and no environment of ours."""
    empty = bundle.parent / "empty"
    empty.mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-S", str(bundle / "verify_bundle.py"), *arguments]
    done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False, env={"PATH": os.defpath})
    return done.returncode, done.stdout + done.stderr


def lines(path: Path) -> list[dict[str, object]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_script_accepts_the_bundle_and_knows_a_noted_head(bundle: Path) -> None:
    head = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["audit"]["head"]
    code, said = verify(bundle)
    assert (code, said.split()[0]) == (0, "OK"), said
    assert head in said
    assert verify(bundle, "--head", head)[0] == 0
    code, said = verify(bundle, "--head", "f" * 64)
    assert code == 1
    assert "not in this chain" in said


def test_the_script_names_no_module_of_the_product(bundle: Path) -> None:
    text = (bundle / "verify_bundle.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"(?m)^\s*(?:from|import) (\w+)", text))
    assert imported <= {"__future__", "hashlib", "base64", "json", "os", "sys", "pathlib", "typing"}
    assert len(text.splitlines()) < 200


def test_every_resource_is_fhir_r4_and_tells_the_chain(bundle: Path, world: World) -> None:
    chain = lines(bundle / "audit.jsonl")
    events = Bundle.model_validate_json((bundle / "fhir" / "audit_events.json").read_text(encoding="utf-8"))
    assert [entry.resource.recorded for entry in events.entry] == [row["at"] for row in chain]
    made = Bundle.model_validate_json((bundle / "fhir" / "provenance.json").read_text(encoding="utf-8"))
    targets = {entry.resource.target[0].identifier.value for entry in made.entry}  # type: ignore[union-attr]
    assert targets == {world.first_edit, world.second_edit}
    for entry in made.entry:
        (signature,) = entry.resource.signature  # type: ignore[union-attr, misc]
        assert signature.who.display == "Script One"
        assert signature.type[1].display == "I have read the evidence and approve this fact"
        sources = [one.what.identifier.value for one in entry.resource.entity if one.role == "source"]  # type: ignore[union-attr]
        assert len(sources) == 1


def test_a_wrong_resource_is_refused_by_the_models(bundle: Path) -> None:
    """The models can fail: each field that FHIR demands is taken out in turn."""
    whole = json.loads((bundle / "fhir" / "audit_events.json").read_text(encoding="utf-8"))
    for name in ("recorded", "agent", "source", "type"):
        broken = json.loads(json.dumps(whole))
        del broken["entry"][0]["resource"][name]
        with pytest.raises(ValueError, match=name):
            Bundle.model_validate(broken)


def test_people_see_name_time_meaning_and_reason_and_what_is_not_promised(bundle: Path) -> None:
    page = (bundle / "report.html").read_text(encoding="utf-8")
    for words in (
        "Script One",
        "2096-03-09T08:00:00Z",
        "I have read the evidence and approve this fact",
        "single trust domain",
        "one_signer",
        "no medical device",
        "DEMO SITE",
    ):
        assert words in page, words
    assert "\x1b" not in page
    assert "<script" not in page
    everything = "".join(path.read_text(encoding="utf-8") for path in bundle.rglob("*") if path.is_file())
    assert "scrypt" not in everything, "no hash of a PIN leaves the site"
    assert {path.stat().st_mode & 0o077 for path in bundle.rglob("*")} == {0}


def flip(path: Path, at: int) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def test_any_flipped_bit_of_any_file_is_found(bundle: Path, tmp_path: Path) -> None:
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file() and path.name != "verify_bundle.py"]
    sys.path.insert(0, str(bundle))
    try:
        import verify_bundle  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(bundle))
    assert verify_bundle.check(bundle) == []
    tried = 0
    for path in files:
        size = path.stat().st_size
        for at in range(0, size, max(1, size // 25)):
            flip(path, at)
            try:
                found = verify_bundle.check(bundle)
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                found = ["cannot be read"]
            is_comment = path.name == "manifest.json"  # words of the manifest are covered by its own sha256 alone
            assert found or is_comment, (path, at)
            flip(path, at)
            tried += 1
    assert tried > 200
    assert verify_bundle.check(bundle) == []


def forge(bundle: Path, change: Callable[[Path], object]) -> None:
    """Change files as somebody who then writes a manifest that fits."""
    change(bundle)
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for name in [*manifest["files"]]:
        path = bundle / name
        if path.exists():
            manifest["files"][name]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            del manifest["files"][name]
    (bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def rewrite(name: str, change: Callable[[list[dict[str, object]]], object]) -> Callable[[Path], None]:
    """Change the rows of one file."""

    def apply(bundle: Path) -> None:
        rows = lines(bundle / name)
        change(rows)
        (bundle / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    return apply


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace words in one file."""

    def apply(bundle: Path) -> None:
        text = (bundle / name).read_text(encoding="utf-8")
        assert old in text
        (bundle / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return apply


FORGERIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "an entry is changed": (rewrite("audit.jsonl", lambda rows: rows[2].update(actor="x")), "entry 3"),
    "an entry is gone": (rewrite("audit.jsonl", lambda rows: rows.pop(2)), "entry 3"),
    "two entries are exchanged": (rewrite("audit.jsonl", lambda rows: rows.insert(2, rows.pop(3))), "entry 3"),
    "the last entry is gone": (rewrite("audit.jsonl", lambda rows: rows.pop()), "manifest says otherwise"),
    "a signature is gone": (rewrite("signatures.jsonl", lambda rows: rows.pop()), "but not here"),
    "a signature has another name": (
        rewrite("signatures.jsonl", lambda rows: rows[0].update(signer_name="Dr. No")),
        "is not what the chain says",
    ),
    "a signature was moved": (
        rewrite("signatures.jsonl", lambda rows: rows[0].update(candidate_id=rows[1]["candidate_id"])),
        "is not what the chain says",
    ),
    "a release has another digest": (
        rewrite("tables/releases.jsonl", lambda rows: rows[1].update(digest="0" * 64)),
        "release 1 is not",
    ),
    "FHIR names another signer": (replaced("fhir/provenance.json", "Script One", "Dr. No"), "names other people"),
    "FHIR names another time": (
        replaced("fhir/audit_events.json", '"recorded": "20', '"recorded": "19'),
        "audit_events",
    ),
    "a file is gone": (lambda bundle: (bundle / "signatures.jsonl").unlink(), "cannot be read"),
    "a file came": (lambda bundle: (bundle / "more.txt").write_bytes(b""), "more.txt is here"),
    "a whole table is no table": (lambda bundle: (bundle / "audit.jsonl").write_bytes(b"[]\n7\n"), ""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_bundle_with_a_manifest_that_fits_is_found(bundle: Path, name: str) -> None:
    change, words = FORGERIES[name]
    forge(bundle, change)
    code, said = verify(bundle)
    assert code in (1, 2), said
    assert words in said
    assert "Traceback" not in said


def test_it_is_whole_or_not_there_and_on_record(bundle: Path, run: Run, world: World) -> None:
    again = run("audit", "export", str(bundle))
    assert (again.code, "not there yet" in again.err) == (2, True)
    last = json.loads(run("audit", "export").out.splitlines()[-1])
    manifest = (bundle / "manifest.json").read_bytes()
    assert last["event"] == "audit.exported"
    assert last["body"]["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()
    blocked = bundle.parent / "file"
    blocked.write_text("", encoding="utf-8")
    refused = run("audit", "export", str(blocked / "bundle"))
    assert refused.code == 10
    assert [path.name for path in bundle.parent.iterdir() if path.name.startswith(".")] == []
    shutil.rmtree(bundle)
