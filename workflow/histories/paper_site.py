"""A hospital site for a history: real ledger, documents, people, envelope; made once a process and copied after that.

The clock stands still during an act and is moved on between them, so that the naive model knows every time on record.
PINs are real and checked; their hashes are the cheapest that scrypt knows, because ten thousand histories sign often.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from workflow.change_control.envelope import FILE_NAME, read_envelope
from workflow.change_control.envelope_signing import sign_envelope
from workflow.change_control.release import EngineIdentity, ensure_initial_release
from workflow.intake.stored_notices import document_id_of
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import Candidate, ChangeKind, Evidence, NearMiss, NearMissKind, Risk
from workflow.site import Site

IDENTITY = EngineIdentity("b" * 64, "e" * 64, "{}")
PIN = "pin-of-histories"
PEOPLE = {
    "ada": "reviewer,second_signer,release_manager",
    "ben": "reviewer",
    "cem": "second_signer",
    "dan": "release_manager",
}
ACCOUNTS = (*PEOPLE, "night")
"""Who acts; nobody stands behind the last one."""
SUBJECTS = ("corvandine", "melistat", "tavorine")
DOSES = (1, 2, 3, 4)
SOURCE = "dailymed"
BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)
ENVELOPE = f"""closed = false
expires = 2099-01-01
[allow]
relations = ["*"]
sources = ["{SOURCE}"]
risks = ["low"]
superseding = false
[limits]
most_edits_a_batch = 2
most_edits_a_night = 4
most_ejected = 0
[fits]
base_models = ["{IDENTITY.base_model_digest}"]
"""


@dataclass
class StillClock:
    """Says the same time until it is moved."""

    now: datetime = BEGAN

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def move(self, by: timedelta) -> None:
        """Move it on, or back."""
        self.now += by


def text_of(subject: str, version: int) -> str:
    """One version of a subject's label: a line for each dose."""
    lines = [f"The recommended dose of {subject} is {dose} mg." for dose in DOSES]
    return "\n".join((f"{subject.upper()} label, version {version}", *lines))


def notice_id(subject: str, version: int) -> str:
    """Name of one version of a subject's label."""
    return "n-" + hashlib.sha256(f"{subject} {version}".encode()).hexdigest()[:16]


def make_fact(subject: str, dose: int, risk: Risk, *, version: int) -> Candidate:
    """A dose, with its quote in a version of the subject's label."""
    text = text_of(subject, version)
    quote = f"The recommended dose of {subject} is {dose} mg."
    start = text.index(quote)
    return Candidate(
        subject=subject,
        relation="recommended_dose",
        object_new=f"{dose} mg",
        object_old="10 mg",
        question=f"What is the recommended dose of {subject}?",
        paraphrases=(f"How much {subject} is recommended?",),
        near_misses=(NearMiss(question=f"What is the maximum dose of {subject}?", kind=NearMissKind.OTHER_RELATION),),
        evidence=(
            Evidence(
                document_id=_document_id(text),
                notice_id=notice_id(subject, version),
                role="claim",
                quote=quote,
                start=start,
                end=start + len(quote),
            ),
        ),
        change_kind=ChangeKind.REVISED,
        risk=risk,
        extractor="rules/1",
    )


def _document_id(text: str) -> str:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return document_id_of(sha256, "text/1", sha256)


def put_version(site: Site, ledger: Ledger, subject: str, version: int) -> None:
    """Store a version of a subject's label: document and notice."""
    text = text_of(subject, version)
    sha256 = site.documents.put(text.encode())
    name = notice_id(subject, version)
    with ledger.write() as transaction:
        transaction.execute(
            insert(tables.documents).values(
                document_id=_document_id(text),
                raw_sha256=sha256,
                text_sha256=sha256,
                extractor="text/1",
                media_type="text/plain",
                origin="histories",
                fetched_at=transaction.now,
                byte_count=len(text),
            )
        )
        transaction.execute(
            insert(tables.notices).values(
                notice_id=name,
                source=SOURCE,
                kind="label",
                key=f"set_id:{subject}",
                version=str(version),
                title=f"{subject} label",
                document_id=_document_id(text),
                start=0,
                end=len(text),
                body=json.dumps({}),
                content_sha256=sha256,
                ordinal=version,
                run_id="r1",
                first_seen_at=transaction.now,
            )
        )
        transaction.audit("notice.stored", f"notice:{name}", {"version": version}, actor="histories")


class Template:
    """Two-signer and one-signer sites, made once and copied for each history."""

    def __init__(self, folder: Path) -> None:
        """Make them below a folder."""
        self._sites = {profile: _make(folder / profile, profile) for profile in ("two_signer", "one_signer")}
        self._ledgers: dict[Path, Ledger] = {}

    def copy(self, profile: str, target: Path) -> Site:
        """Give a fresh copy of one."""
        made = self._sites[profile]
        shutil.copytree(made.root, target)
        site = Site(target)
        site.settings = made.settings
        return site

    def ledger(self, site: Site, clock: StillClock) -> Ledger:
        """Give the ledger of a site, its connections new; one place's is kept, because its SQL is compiled once."""
        ledger = self._ledgers.get(site.ledger_path)
        if ledger is None:
            ledger = self._ledgers[site.ledger_path] = site.open_ledger(clock=clock)
        ledger.clock = clock
        return ledger


def write_envelope(site: Site, version: int) -> None:
    """Put an open envelope into the site; each version has other bytes, and so needs signatures of its own."""
    (site.root / FILE_NAME).write_text(f"# version {version}\n{ENVELOPE}", encoding="utf-8")


def sign_the_envelope(site: Site, ledger: Ledger, account: str) -> None:
    """Sign the envelope as it stands."""
    file = read_envelope(site.root)
    if file is None:
        raise FileNotFoundError(site.root / FILE_NAME)
    sign_envelope(ledger, file, account, reason="these limits are ours", pin=PIN)


def _make(root: Path, profile: str) -> Site:
    clock = StillClock(BEGAN - timedelta(days=1))
    site = Site.create(root, demo=False, signer_profile=profile, clock=clock)
    ledger = site.open_ledger(clock=clock)
    try:
        _enrol(ledger)
        for subject in SUBJECTS:
            put_version(site, ledger, subject, 1)
        ensure_initial_release(ledger, IDENTITY)
        write_envelope(site, 1)
        for account in ("ada", "dan") if profile == "two_signer" else ("dan",):
            sign_the_envelope(site, ledger, account)
    finally:
        ledger.close()
    return site


def _enrol(ledger: Ledger) -> None:
    salt = b"0" * 16
    digest = hashlib.scrypt(PIN.encode(), salt=salt, n=2, r=1, p=1, dklen=32)
    cheap = f"scrypt$2$1$1${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
    with ledger.write() as transaction:
        for account, duties in PEOPLE.items():
            person = {"reviewer_id": account, "name": f"{account.title()} Person", "role": "pharmacist"}
            transaction.execute(
                insert(tables.reviewers).values(
                    **person, pin_hash=cheap, scripted=0, duties=duties, created_at=transaction.now
                )
            )
            transaction.audit("reviewer.added", f"reviewer:{account}", {**person, "duties": duties}, actor="histories")
