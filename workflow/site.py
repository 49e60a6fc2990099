"""A site: its folder, found from the current folder upward, and everything that lives in it.

    medrek-flow.toml    the settings; written last, so that a folder with it is a whole site
    envelope.toml       what the night may promote by itself; closed until people sign it
    drop/               what people put in (sources.dropfolder.path)
    data/               ledger.sqlite  checkpoints.sqlite  documents/  memory/  index/  reports/  logs/

Everything is made for its owner alone (files 0600, folders 0700), or for a group of the machine too (0660, 2770); the
settings and the envelope are written by their owner in any case.
"""

from __future__ import annotations

import grp
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import func, select

from workflow.change_control.envelope import FILE_NAME as ENVELOPE
from workflow.change_control.envelope import starter_envelope
from workflow.clock import Clock, utc_now
from workflow.errors import DamagedError, SettingsError, WorkflowError
from workflow.file_modes import is_shared, share
from workflow.identity import add_reviewer, os_user
from workflow.ledger.documents import DocumentStore, write_durably
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import audit
from workflow.settings import FILE_NAME, Settings

HOME_VARIABLE = "MEDREK_FLOW_HOME"
_OWNER_WRITES = 0o640
SITE_FOLDERS = ("documents", "memory", "index", "reports", "logs")
_ROWS_OF_A_HALF_MADE_SITE = 2  # site.created, reviewer.added


def _is_site(folder: Path) -> bool:
    try:
        return (folder / FILE_NAME).is_file()
    except PermissionError as error:
        account = os_user().user_id
        raise SettingsError(f"{folder} cannot be opened by {account}; ask its owner for the site's group") from error


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise SettingsError(f"group {name}: expected a group of this machine; make it with groupadd {name}") from error


@dataclass(frozen=True)
class FirstReviewer:
    """Who is enrolled when a site is made."""

    name: str
    role: str
    pin: str
    reviewer_id: str | None = None
    """The operating system's name of the account; the one that runs the command where None."""
    scripted: bool = False


class Site:
    """One site on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.data = self.root / "data"
        self.settings_path = self.root / FILE_NAME
        self.ledger_path = self.data / "ledger.sqlite"
        self.checkpoints_path = self.data / "checkpoints.sqlite"
        self.memory_folder = self.data / "memory"
        self.index_folder = self.data / "index"
        self.reports_folder = self.data / "reports"
        self.logs_folder = self.data / "logs"

    @classmethod
    def find(cls, start: Path | None = None) -> Site:
        """Find the site that ``start`` (the current folder) lies in, else the one of ``MEDREK_FLOW_HOME``.

        Raises:
            SettingsError: There is none.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if _is_site(folder):
                return cls(folder)
        home = os.environ.get(HOME_VARIABLE)
        if home and _is_site(Path(home)):
            return cls(Path(home))
        hint = f"{HOME_VARIABLE}={home} holds none either" if home else f"{HOME_VARIABLE} is not set"
        raise SettingsError(
            f"no {FILE_NAME} in {start} or above it, and {hint}; run medrek-flow init, or go to the site's folder"
        )

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        demo: bool = False,
        signer_profile: str = "two_signer",
        reviewer: FirstReviewer | None = None,
        settings: Mapping[str, object] | None = None,
        group: str = "",
        clock: Clock = utc_now,
    ) -> Site:
        """Make a site; what a killed attempt left behind is made anew.

        Args:
            root: Its folder; made where it is missing.
            demo: Whether scripts may sign here, for ever.
            signer_profile: ``one_signer`` or ``two_signer``.
            reviewer: Who to enrol first.
            settings: Values for the starter file that differ from the defaults, by dotted key.
            group: Group of the machine whose accounts share it; its owner's alone where none is named.
            clock: Where the ledger's times come from.

        Raises:
            SettingsError: There is no such group, a site already, or a ledger that is in use without its settings.
        """
        site = cls(root)
        content = Settings.default_toml({**(settings or {}), "site.signer_profile": signer_profile})
        Settings.parse(content)
        group_id = _group_id(group) if group else None
        before = os.umask(0o077 if group_id is None else 0o007)
        try:
            site._make_root(group_id)
            site._make(content, demo=demo, signer_profile=signer_profile, reviewer=reviewer, clock=clock)
        except OSError as error:
            raise SettingsError(
                f"site {site.root} cannot be made ({error.strerror}); expected a folder that you can write"
            ) from error
        finally:
            os.umask(before)
        return site

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once.

        Raises:
            SettingsError: The file is wrong.
        """
        return Settings.read(self.settings_path)

    def with_engine(
        self, *, base: str | None = None, checkpoint: str | None = None, limits_for: int | None = None
    ) -> Site:
        """The same site as if its settings named another base model, editor or size of memory; nothing is written."""
        other = Site(self.root)
        model, editor = self.settings.model, self.settings.editor
        named = {"checkpoint": checkpoint, "limits_for": limits_for}
        other.settings = self.settings.model_copy(
            update={
                "model": model if base is None else model.model_copy(update={"base": base}),
                "editor": editor.model_copy(update={key: one for key, one in named.items() if one is not None}),
            }
        )
        return other

    @cached_property
    def documents(self) -> DocumentStore:
        """Raw bytes and texts."""
        return DocumentStore(self.data / "documents")

    @property
    def drop_folder(self) -> Path:
        """Where people put files."""
        return self.root / self.settings.sources.dropfolder.path

    def open_ledger(self, *, clock: Clock = utc_now) -> Ledger:
        """Open the ledger and check that the settings agree with what it says for ever.

        Raises:
            SettingsError: They do not, or the ledger is missing.
            DamagedError: The ledger is not what it should be.
        """
        ledger = Ledger.open(self.ledger_path, clock=clock)
        said, asked = ledger.signer_profile(), self.settings.site.signer_profile
        if said != asked:
            ledger.close()
            raise SettingsError(
                f"{self.settings_path}: site.signer_profile: expected {said}, as the ledger has it, got {asked}"
            )
        return ledger

    def warnings(self) -> tuple[str, ...]:
        """List what others may read or write here, each with the command that mends it."""
        lines = []
        bits, remedy = (0o007, "o-rwx") if is_shared(self.root) else (0o077, "go-rwx")
        folders = (self.data, *(self.data / name for name in SITE_FOLDERS))
        private = (*folders, self.ledger_path, self.checkpoints_path)
        for path, bits, remedy in ((self.settings_path, 0o022, "go-w"), *((path, bits, remedy) for path in private)):
            mode = path.stat().st_mode & 0o777 if path.exists() else 0
            if mode & bits:
                lines.append(f"{path} is open to others (mode {mode:04o}); run: chmod {remedy} {path}")
        return tuple(lines)

    def _make_root(self, group_id: int | None) -> None:
        if self.settings_path.exists():
            raise SettingsError(f"{self.root} is a site already; choose another folder")
        self.root.mkdir(parents=True, exist_ok=True)
        if group_id is not None:
            share(self.root, group_id)

    def _make(
        self,
        content: str,
        *,
        demo: bool,
        signer_profile: str,
        reviewer: FirstReviewer | None,
        clock: Clock,
    ) -> None:
        self._clear_half_made()
        for name in SITE_FOLDERS:
            (self.data / name).mkdir(parents=True, exist_ok=True)
        actor = os_user().user_id
        ledger = Ledger.create(
            self.ledger_path,
            kind="demo" if demo else "hospital",
            signer_profile=signer_profile,
            actor=actor,
            clock=clock,
        )
        try:
            if reviewer is not None:
                add_reviewer(
                    ledger,
                    reviewer_id=reviewer.reviewer_id or actor,
                    name=reviewer.name,
                    role=reviewer.role,
                    pin=reviewer.pin,
                    scripted=reviewer.scripted,
                    actor=actor,
                )
        finally:
            ledger.close()
        (self.root / Settings.parse(content).sources.dropfolder.path).mkdir(parents=True, exist_ok=True)
        write_durably(self.root / ENVELOPE, starter_envelope().encode())
        (self.root / ENVELOPE).chmod(_OWNER_WRITES if is_shared(self.root) else 0o600)
        write_durably(self.settings_path, content.encode())
        self.settings_path.chmod(_OWNER_WRITES if is_shared(self.root) else 0o600)

    def _clear_half_made(self) -> None:
        """Take away what a killed ``create`` left; never a ledger that was in use."""
        if not self.data.exists():
            return
        if self.ledger_path.exists() and self._rows() > _ROWS_OF_A_HALF_MADE_SITE:
            raise SettingsError(
                f"{self.data} holds a ledger in use but {self.settings_path} is missing; restore that file instead"
            )
        for name in ("documents", "memory"):
            folder = self.data / name
            if folder.exists() and any(folder.iterdir()):
                raise SettingsError(f"{folder} is not empty but there is no {FILE_NAME}; choose another folder")
        for path in self.data.glob("ledger.sqlite*"):
            path.unlink()
        shutil.rmtree(self.index_folder, ignore_errors=True)

    def _rows(self) -> int:
        """Count the audit rows of a ledger that may be half made: without a schema it has none."""
        if self.ledger_path.stat().st_size == 0:
            return 0
        try:
            ledger = Ledger.open(self.ledger_path)
        except DamagedError as error:
            if "got none" in str(error):
                return 0
            raise SettingsError(f"{error} (and {self.settings_path} is missing)") from error
        try:
            with ledger.read() as connection:
                return int(connection.execute(select(func.count()).select_from(audit)).scalar_one())
        except WorkflowError as error:
            raise SettingsError(f"{error} (and {self.settings_path} is missing)") from error
        finally:
            ledger.close()
