"""The cross-encoder with its evidence: a pair's score is that pair's alone, and survives a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editor_engine.edit import Edit
from editor_engine.errors import EncoderError
from editor_engine.question_evidence import EVIDENCE, rarity_of, word_evidence
from editor_engine.text_encoder import read_encoder
from editor_engine.verifier import CrossVerifier, Proposal, heard_by, load_verifier


@pytest.fixture(scope="module")
def verifier() -> CrossVerifier:
    """The embedded MiniLM with random adapters, reading layer and head, so that every part has a say."""
    model, tokenizer, name, digest = read_encoder()
    found = CrossVerifier(model, tokenizer, name=name, weights_digest=digest, rank=4)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in found.weights().values():
            tensor.copy_((torch.randn(tensor.shape, generator=generator) * 0.05).half())
        found.evidence.scale.fill_(1.0)
    return found


def test_a_score_does_not_depend_on_its_company(verifier: CrossVerifier, zolpidem: Edit) -> None:
    other = replace(
        zolpidem, edit_id="other", question="What is the maximum daily dose of paracetamol?", paraphrases=()
    )
    proposals = [
        Proposal("How much zolpidem may a woman take?", zolpidem, 0.8),
        Proposal("How much?", other, 0.5),
        Proposal("How much Ambien may a woman who is over sixty and frail take at night?", zolpidem, 0.7),
    ]
    together = verifier.scores(proposals)
    assert together == [verifier.scores([one])[0] for one in proposals]
    assert verifier.scores(proposals[::-1]) == together[::-1]
    assert len(set(together)) == 3
    assert verifier.scores([]) == []


def test_the_best_wording_counts(verifier: CrossVerifier, zolpidem: Edit) -> None:
    question = "Tell me the zolpidem dose that women need."
    alone = [
        verifier.scores([Proposal(question, replace(zolpidem, question=text, paraphrases=()), 0.8)])[0]
        for text in (zolpidem.question, *zolpidem.paraphrases)
    ]
    assert verifier.scores([Proposal(question, zolpidem, 0.8)]) == [max(alone)]


def test_an_alias_reads_as_the_subject(verifier: CrossVerifier, zolpidem: Edit) -> None:
    assert heard_by(zolpidem, "How much Ambien?") == "How much zolpidem?"
    said = [verifier.scores([Proposal(f"How much {name}?", zolpidem, 0.8)]) for name in ("Ambien", "zolpidem")]
    assert said[0] == said[1]


def test_a_file_gives_the_same_scores(verifier: CrossVerifier, zolpidem: Edit, tmp_path: Path) -> None:
    verifier.save(tmp_path / "verifier.safetensors")
    read = load_verifier(tmp_path / "verifier.safetensors")
    asked = [Proposal("How much zolpidem may women take?", zolpidem, 0.8)]
    assert read.scores(asked) == verifier.scores(asked)


def test_a_file_keeps_the_list_of_clinical_terms(zolpidem: Edit, tmp_path: Path) -> None:
    model, tokenizer, name, digest = read_encoder()
    second = CrossVerifier(model, tokenizer, name=name, weights_digest=digest, rank=4, terms="clinical-2")
    second.save(tmp_path / "verifier.safetensors")
    loaded = load_verifier(tmp_path / "verifier.safetensors")
    assert loaded.terms == "clinical-2"
    assert loaded.pieces_of("nephroblastoma") == loaded.pieces_of("Wilms tumor")


def made(seed: int, *, readers: int = 1) -> CrossVerifier:
    model, tokenizer, name, digest = read_encoder()
    found = CrossVerifier(model, tokenizer, name=name, weights_digest=digest, rank=4, seed=seed, readers=readers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in found.weights().values():
            tensor.copy_((torch.randn(tensor.shape, generator=generator) * 0.05).half())
    return found


def test_two_readers_see_the_mean_of_what_each_sees_alone(tmp_path: Path) -> None:
    pairs = [("How much zolpidem?", "What is the dose of zolpidem?"), ("How much?", "Is zolpidem safe in children?")]
    first, second, both = made(1), made(2), made(3, readers=2)
    both.take_readers([first, second])
    alone = [one.read_pairs(pairs) for one in (first, second)]
    assert not torch.allclose(alone[0], alone[1])
    assert torch.allclose(both.read_pairs(pairs), (alone[0] + alone[1]) / 2, atol=1e-5)
    both.save(tmp_path / "verifier.safetensors")
    assert torch.allclose(load_verifier(tmp_path / "verifier.safetensors").read_pairs(pairs), both.read_pairs(pairs))


def test_threads_that_ask_one_verifier_do_not_read_by_each_others_adapters() -> None:
    both = made(3, readers=2)
    pairs = [(f"How much zolpidem, case {number}?", "What is the dose of zolpidem?") for number in range(8)]
    with torch.no_grad():
        alone = both.read_pairs(pairs)
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda _: both.read_pairs(pairs).detach(), range(24)))
    assert all(torch.allclose(one, alone, atol=1e-6) for one in together)


def test_a_file_that_does_not_fit_is_one_clear_error(verifier: CrossVerifier, tmp_path: Path) -> None:
    path = tmp_path / "verifier.safetensors"
    with pytest.raises(EncoderError, match="cannot be read"):
        load_verifier(path)
    path.write_bytes(b"not a safetensors file")
    with pytest.raises(EncoderError, match="cannot be read"):
        load_verifier(path)
    known, verifier.weights_digest = verifier.weights_digest, "0" * 64
    verifier.save(path)
    verifier.weights_digest = known
    with pytest.raises(EncoderError, match="fits text encoder"):
        load_verifier(path)


def test_evidence_reads_what_the_words_say() -> None:
    rarity = torch.tensor([0.0, 0.2, 1.0, 1.0])
    values = word_evidence("dose of X for women 5 mg", "maximum dose of Y for men", [1, 2], [1, 3, 1], rarity)
    found = dict(zip(EVIDENCE, values, strict=True))
    assert found["shared of the question"] == pytest.approx(0.2 / 1.2)
    assert found["shared of the key question"] == pytest.approx(0.4 / 1.4)
    assert (found["numbers apart"], found["contrasts apart"], found["qualifiers apart"]) == (1.0, 1.0, 2.0)


def test_rare_pieces_weigh_more_and_special_ones_nothing() -> None:
    rarity = rarity_of([[1, 2], [1, 3], [1]], vocabulary=6, special=[4])
    assert rarity[1] < rarity[2] == rarity[3] < rarity[5] == 1.0
    assert rarity[4] == 0.0
