"""The workbench: base model, encoder and the live memory in one process, for rehearsal, gate, read-back and ``ask``.

The only place where the workflow loads a model. It verifies before it serves: the live release must fit the base
model and encoder at hand, every shard must have its sha256, and the memory built from them must have the release's
digest (P2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from editor_engine.edit import Carrier
from workflow.attribution import attribution_id
from workflow.change_control.rehearsal import Progress, RehearsalRoom, rehearse_waiting, waiting_candidates
from workflow.change_control.release import (
    EngineIdentity,
    LiveState,
    ReleasedEdit,
    ensure_initial_release,
    read_live,
    release_edits,
)
from workflow.change_control.shard_files import shards_in_force
from workflow.errors import DamagedError, SettingsError
from workflow.ledger.ledger import Ledger
from workflow.model_server import connect_server, is_server
from workflow.near_keys import near_keys
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine import EditedModel, Editor, Firing, Memory
    from editor_engine.base_model import BaseModel

BUNDLED_MODEL = "demo"
"""The name in the settings that stands for the language model bundled with the package."""

BUNDLED_EDITOR = "demo"
"""The name in the settings that stands for the checkpoint bundled for that model."""

UNTRAINED_EDITOR = "untrained"
"""The name in the settings that stands for no checkpoint."""

EMBEDDED_ENCODER = "embedded"
"""The name in the settings that stands for the text encoder installed with the program."""


@dataclass(frozen=True)
class AskResult:
    """One question's answer as served, and all that led to it."""

    question: str
    answer: str
    release_id: int
    stopped: bool
    firing: Firing
    edit: ReleasedEdit | None
    best: ReleasedEdit | None
    """The edit whose key came nearest, whether it fired or not."""
    attribution_id: str
    """From which alone the answer is traced back: ``medrek-flow trace``."""


@dataclass
class Workbench:
    """A loaded engine over one site. Not safe for several threads; cheap to refresh, expensive to open."""

    site: Site
    ledger: Ledger
    editor: Editor
    live: LiveState
    model: EditedModel
    edits: dict[str, ReleasedEdit]

    @classmethod
    def open(cls, site: Site) -> Workbench:
        """Load base model and encoder and the live release.

        Raises:
            SettingsError: the live release fits another base model, encoder or thresholds.
            DamagedError: the memory on disk is not the release's.
            BaseModelError, EncoderError: they cannot be loaded.
        """
        from editor_engine import Memory

        ledger = site.open_ledger()
        editor = load_editor(site, load_base(site))
        model = editor.model(Memory())
        identity = EngineIdentity(editor.base.digest, editor.encoder.digest, model.thresholds.to_json())
        live = ensure_initial_release(ledger, identity)
        _require_fit(live, identity)
        bench = cls(site, ledger, editor, live, model, {})
        bench.refresh()
        return bench

    def refresh(self) -> None:
        """Take up the release that the live pointer names now, verified; the loaded weights stay."""
        with self.ledger.read() as connection:
            live = read_live(connection)
            if live is None:
                raise DamagedError("live pointer: expected a release, got none; run `medrek-flow doctor`")
            edits = release_edits(connection, live.release_id)
        memory = load_memory(self.ledger, self.site.memory_folder, edits)
        model = self.model.with_memory(memory)
        if model.digest != live.digest:
            raise DamagedError(
                f"release {live.release_id}: expected memory digest {live.digest[:12]}, got {model.digest[:12]}; "
                "it is not served; run `medrek-flow doctor`"
            )
        self.live, self.model = live, model.with_stop(stopped=live.stopped)
        self.edits = {edit.edit_id: edit for edit in edits}

    @property
    def max_new_tokens(self) -> int:
        """Longest answer, in tokens, for serving, rehearsal and gate alike."""
        return self.site.settings.model.max_new_tokens

    @property
    def gated_model(self) -> EditedModel:
        """The live release as a model, whether serving is stopped or not: what rehearsal and gate compare with."""
        return self.model.with_stop(stopped=False) if self.live.stopped else self.model

    def ask(self, *questions: str) -> list[AskResult]:
        """Answer questions as served now."""
        answers = self.model.answer(list(questions), max_new_tokens=self.max_new_tokens)
        return [
            AskResult(
                question=answer.question,
                answer=answer.text,
                release_id=self.live.release_id,
                stopped=self.live.stopped,
                firing=answer.firing,
                edit=self.edits.get(answer.firing.edit_id or ""),
                best=self.edits.get(answer.firing.best_edit_id or ""),
                attribution_id=attribution_id(self.live.release_id, self.live.digest, answer.firing.edit_id),
            )
            for answer in answers
        ]

    def rehearse_waiting(self, progress: Progress | None = None, *, limit: int | None = None) -> int:
        """Rehearse the waiting candidates on the live release, at most ``limit``; return how many."""
        with near_keys(self) as neighbours:
            room = RehearsalRoom(
                live=self.gated_model,
                editor=self.editor,
                release_id=self.live.release_id,
                max_new_tokens=self.max_new_tokens,
                memory_folder=self.site.memory_folder,
                carriers=tuple(Carrier(name) for name in self.site.settings.model.carriers),
                neighbours=neighbours,
            )
            return rehearse_waiting(self.ledger, room, progress=progress, limit=limit)


class Bench:
    """Opens the workbench when it is first asked for, and keeps it."""

    def __init__(self, site: Site) -> None:
        """Remember the site; nothing is loaded yet."""
        self._site = site
        self._opened: Workbench | None = None

    def __call__(self) -> Workbench:
        """Give the workbench, opened now if it was not."""
        if self._opened is None:
            self._opened = Workbench.open(self._site)
        return self._opened

    @property
    def is_open(self) -> bool:
        """Whether the model was loaded."""
        return self._opened is not None


def rehearse_if_needed(ledger: Ledger, bench: Bench, progress: Progress | None, *, limit: int | None = None) -> int:
    """Load the model only if a candidate waits for its rehearsal (or no release was written yet)."""
    with ledger.read() as connection:
        live = read_live(connection)
    if live is not None and not waiting_candidates(ledger, live.release_id):
        return 0
    workbench = bench()
    workbench.refresh()
    return workbench.rehearse_waiting(progress, limit=limit)


def load_base(site: Site) -> BaseModel:
    """Load the base model that the settings name, or the bundled one, or connect to its server.

    Raises:
        SettingsError: a server's address may not be asked, or its model is not named.
        BaseModelError: it cannot be loaded or reached.
    """
    from editor_engine import CausalLM
    from editor_engine.demo import bundled_model
    from editor_engine.threads import choose_threads

    model = site.settings.model
    if is_server(model):
        return connect_server(site)
    name = bundled_model() if model.base == BUNDLED_MODEL else model.base
    base = CausalLM.load(name, device=model.device, dtype=model.dtype)
    choose_threads(base.parameters, device=model.device, wanted=model.threads)
    return base


def load_editor(site: Site, base: BaseModel) -> Editor:
    """Load the editor that the settings name, for a base model; the untrained start where they name none.

    Raises:
        SettingsError: the checkpoint is missing, damaged, or fits another base model or encoder.
        EncoderError: the text encoder cannot be loaded.
    """
    from editor_engine import Editor
    from editor_engine.errors import CheckpointError

    name = site.settings.encoder.name
    try:
        editor = Editor.load(base, editor_folder(site), encoder=None if name == EMBEDDED_ENCODER else name)
    except CheckpointError as error:
        raise SettingsError(f"editor.checkpoint: {error}") from error
    edits = site.settings.editor.limits_for
    return replace(editor, thresholds=editor.thresholds.at(edits)) if edits and editor.verifier is not None else editor


def editor_folder(site: Site) -> Path | None:
    """Find the checkpoint folder that the settings name; None for the untrained start.

    Raises:
        SettingsError: this version has no checkpoint bundled.
    """
    from editor_engine.demo import bundled_editor

    name = site.settings.editor.checkpoint
    if name == UNTRAINED_EDITOR:
        return None
    if name != BUNDLED_EDITOR:
        return site.root / Path(name).expanduser()
    folder = bundled_editor()
    if folder is None:
        raise SettingsError(
            f'editor.checkpoint: expected a checkpoint bundled as "{name}", got none in this installation; '
            f'set it to "{UNTRAINED_EDITOR}" or to a folder written by medrek-flow train'
        )
    return folder


def _require_fit(live: LiveState, identity: EngineIdentity) -> None:
    for what, expected, got in (
        ("base model", live.base_model_digest, identity.base_model_digest),
        ("encoder", live.encoder_digest, identity.encoder_digest),
        ("thresholds", live.thresholds, identity.thresholds),
    ):
        if expected != got:
            raise SettingsError(
                f"{what}: release {live.release_id} fits {expected[:12]}, got {got[:12]}; nothing is served or "
                "promoted with it; set the one that the release fits in medrek-flow.toml, or roll the edits back first"
            )


def load_memory(ledger: Ledger, memory_folder: Path, edits: tuple[ReleasedEdit, ...]) -> Memory:
    """Read the rows of the edits in force from their shards, each verified against the ledger."""
    from editor_engine import Memory
    from editor_engine.memory_store import read_shard

    rows = []
    with ledger.read() as connection:
        shards = shards_in_force(connection, edits)
    for shard in shards:
        found = read_shard(memory_folder / shard.path, shard.sha256)
        chosen = [row for row in found if shard.rows.get(row.edit_id) == row.digest]
        if len(chosen) != len(shard.rows):
            raise DamagedError(
                f"memory shard {shard.path}: expected {len(shard.rows)} rows in force, got {len(chosen)} with their "
                "digests; run `medrek-flow doctor`"
            )
        rows += chosen
    return Memory(tuple(rows))
