"""A site's editor: untrained, a checkpoint folder, or the bundled one; what does not fit is one line of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from editor_engine import CausalLM, EditorCheckpoint, TextEncoder, Thresholds
from editor_engine.demo import bundled_model
from editor_engine.prompt_encoders.token_states import TokenStatePromptEncoder
from editor_engine.text_encoder import read_encoder
from editor_engine.verifier import CrossVerifier
from workflow.doctor import Finding, Level
from workflow.doctor_engine import examine_engine, examine_limits
from workflow.errors import SettingsError
from workflow.site import Site
from workflow.workbench import Workbench, editor_folder, load_editor


@pytest.fixture(scope="module")
def base() -> CausalLM:
    """The bundled model."""
    return CausalLM.load(bundled_model())


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    """The embedded encoder."""
    return TextEncoder.load()


def site_with(root: Path, checkpoint: str) -> Site:
    """A demo site whose settings name a checkpoint."""
    return Site.create(root / "site", demo=True, settings={"editor.checkpoint": checkpoint})


def findings_of(site: Site) -> dict[str, Finding]:
    """What the doctor finds about the engine, by check."""
    return {finding.what: finding for finding in examine_engine(site, repair=False)}


def test_a_site_serves_with_a_trained_checkpoint(tmp_path: Path, base: CausalLM, encoder: TextEncoder) -> None:
    site = site_with(tmp_path, "trained")
    limits = Thresholds(relation=0.5)
    digest = EditorCheckpoint.save(site.root / "trained", encoder=encoder, preset="test", thresholds=limits)
    bench = Workbench.open(site)
    assert (bench.live.encoder_digest, bench.model.thresholds) == (digest, limits)
    assert findings_of(site)["encoder"].level is Level.OK
    assert "checkpoint trained" in findings_of(site)["encoder"].detail


def test_limits_are_set_for_as_many_edits_as_the_site_says(
    tmp_path: Path, base: CausalLM, encoder: TextEncoder
) -> None:
    site = site_with(tmp_path, "trained")
    limits = Thresholds(verifier=1.0, verifier_per_tenfold=2.0, verifier_edits=2000)
    verifier = CrossVerifier(*read_encoder()[:2], name=encoder.name, weights_digest=encoder.weights_digest)
    EditorCheckpoint.save(site.root / "trained", encoder=encoder, preset="test", verifier=verifier, thresholds=limits)
    assert load_editor(site, base).thresholds == limits
    smaller = load_editor(site.with_engine(limits_for=200), base)
    assert smaller.thresholds == limits.at(200)
    assert smaller.thresholds.verifier == -1.0
    assert smaller.model().digest != load_editor(site, base).model().digest, "a release must tell the two apart"
    assert load_editor(site.with_engine(checkpoint="untrained", limits_for=200), base).thresholds == Thresholds()


def test_a_checkpoint_for_another_base_model_is_a_line_of_settings(
    tmp_path: Path, base: CausalLM, encoder: TextEncoder
) -> None:
    site = site_with(tmp_path, str(tmp_path / "elsewhere"))
    other = CausalLM(base._model, base._tokenizer, name="other", weights_digest="other")
    EditorCheckpoint.save(
        tmp_path / "elsewhere",
        encoder=encoder,
        preset="test",
        base=other,
        prompt_encoder=TokenStatePromptEncoder(width=encoder.width, hidden_size=base.hidden_size),
    )
    with pytest.raises(SettingsError, match=r"^editor.checkpoint: Checkpoint .* fits base model other") as raised:
        load_editor(site, base)
    assert "\n" not in str(raised.value)
    found = findings_of(site)["encoder"]
    assert found.level is Level.FAIL
    assert "fits base model other" in found.detail


def test_a_folder_that_is_missing_is_a_line_of_settings(tmp_path: Path, base: CausalLM) -> None:
    with pytest.raises(SettingsError, match=r"editor.checkpoint: .*nowhere/editor.json cannot be read"):
        load_editor(site_with(tmp_path, "nowhere"), base)


def test_the_bundled_editor_is_found_by_name_or_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_with(tmp_path, "demo")
    monkeypatch.setattr("editor_engine.demo.bundled_editor", lambda: tmp_path)
    assert editor_folder(site) == tmp_path
    monkeypatch.setattr("editor_engine.demo.bundled_editor", lambda: None)
    with pytest.raises(SettingsError, match='set it to "untrained" or to a folder'):
        editor_folder(site)


def test_limits_that_the_memory_outgrew_are_a_warning_with_the_command() -> None:
    calibrated = Thresholds(verifier=1.0, verifier_per_tenfold=2.0, verifier_edits=100).to_json()
    (fits,), (outgrown,) = list(examine_limits(calibrated, 100)), list(examine_limits(calibrated, 101))
    assert (fits.level, outgrown.level) == (Level.OK, Level.WARN)
    assert "101 are in force" in outgrown.detail
    assert outgrown.next_step == "medrek-flow rebase --limits-for 202"
    assert not list(examine_limits(Thresholds().to_json(), 5000))
