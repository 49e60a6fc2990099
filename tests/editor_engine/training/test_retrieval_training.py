"""Training of retrieval on a tiny encoder: the losses are the formulas, and what comes out is a working checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from editor_engine.checkpoint import EditorCheckpoint
from editor_engine.datasets.records import EditRecord, Locality, synthetic_body
from editor_engine.edit import Carrier
from editor_engine.errors import TrainingError
from editor_engine.memory import Memory, MemoryRow
from editor_engine.row_builder import edit_keys
from editor_engine.text_encoder import TextEncoder, read_encoder
from editor_engine.training.contrast import ContrastObjective
from editor_engine.training.mining import Mined, mined_from
from editor_engine.training.objective import Share
from editor_engine.training.retrieval_lessons import Lesson, Lessons, lessons_of
from editor_engine.training.retrieval_scores import best_of
from editor_engine.training.retrieval_training import RETRIEVAL_PARTS, RetrievalSettings, train_retrieval
from editor_engine.training.verification import VerificationObjective
from editor_engine.verified_decision import retrieve_verified
from editor_engine.verifier import CrossVerifier
from tests.editor_engine.training.tiny_models import save_tiny_roberta

DRUGS = ("examplol", "testazine", "samplimab", "mockidone", "proofvir", "trialix")


def record(number: int) -> EditRecord:
    """A fact about one drug; its localities ask for another relation and another drug."""
    drug, other = DRUGS[number % 6], DRUGS[(number + 1) % 6]
    return EditRecord(
        record_id=f"r{number}",
        question=f"What is the dose of {drug}?",
        target_new=f"{number} mg",
        rephrases=(f"How much {drug} is given?",),
        localities=(
            Locality("relation", f"What is the colour of {drug}?", "red"),
            Locality("subject", f"How is {other} stored?", "cool"),
        ),
        ground_truth=f"{number + 50} mg",
        subject=drug,
    )


RECORDS = [record(number) for number in range(6)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random encoder of two layers."""
    return save_tiny_roberta(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def encoder(tiny: Path) -> TextEncoder:
    """That encoder with adapters that do something."""
    found = TextEncoder.load(str(tiny), parts=RETRIEVAL_PARTS)
    generator = torch.Generator().manual_seed(0)
    assert found.adapters is not None
    with torch.no_grad():
        for tensor in found.adapters.weights().values():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    return found


def contrast(encoder: TextEncoder, rows: int = 6) -> ContrastObjective:
    lessons = lessons_of(RECORDS)
    return ContrastObjective(encoder, [lessons], [lessons], rows=[rows])


def test_questions_that_equal_a_key_are_no_negatives() -> None:
    shared = replace(RECORDS[0], localities=(Locality("x", "what is the dose of TESTAZINE", "51 mg"),))
    lessons = lessons_of([shared, *RECORDS[1:]])
    (locality,) = [one for one in lessons.lessons if one.record == 0 and one.own is None]
    assert locality.same == {1}
    assert locality.right(1)
    assert not locality.right(0)


def test_the_contrastive_terms_are_their_formulas(encoder: TextEncoder) -> None:
    objective = contrast(encoder)
    terms = objective.loss(1, Share())
    keys = encoder.keys([one.question for one in RECORDS])
    theta = objective.theta.item()

    def minus_log(text: str, own: int | None) -> Tensor:
        products = keys @ encoder.queries([text])[0]
        if own is None:
            products = products.masked_fill(products > 0.93, -1e4)
        logits = torch.cat([products, torch.tensor([theta])]) / 0.05
        return torch.logsumexp(logits, 0) - logits[6 if own is None else own]

    right = [minus_log(one.rephrases[0], number) for number, one in enumerate(RECORDS)]
    silent = [minus_log(two.question, None) / 2 for one in RECORDS for two in one.localities]
    assert terms["rephrasings"].item() == pytest.approx(float(sum(right)) / 6, rel=1e-3)
    assert terms["localities"].item() == pytest.approx(float(sum(silent)) / 6, rel=1e-3)


def test_shares_add_up_and_banks_come_back(encoder: TextEncoder) -> None:
    objective = contrast(encoder)
    whole = objective.loss(1, Share())
    parts = [objective.loss(1, Share(index, 2)) for index in range(2)]
    for name, term in whole.items():
        assert term.item() == pytest.approx(sum(part[name].item() for part in parts) / 2, rel=1e-2)
    again = contrast(encoder)
    again.recall(objective.memory())
    assert again.loss(1, Share())["rephrasings"].item() == whole["rephrasings"].item()


def test_a_few_steps_bring_rephrasings_to_their_edits(encoder: TextEncoder) -> None:
    objective = contrast(encoder)
    parameters = [one for group in objective.groups() for one in group.parameters.values()]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    first = last = 0.0
    for step in range(1, 16):
        loss = torch.stack(list(objective.loss(step, Share()).values())).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        first, last = first or loss.item(), loss.item()
    assert last < first / 2


def test_mining_leaves_open_pairs_out() -> None:
    lessons = lessons_of(RECORDS)
    products = torch.full((len(lessons.lessons), 6), 0.5)
    mined = mined_from(RECORDS, lessons, products)
    own = next(one for one in mined if one.own == 2)
    assert own.same == (2,)
    assert set(own.other) == {0, 1, 3, 4, 5}
    alike = [replace(RECORDS[0], ground_truth="Same"), replace(RECORDS[1], ground_truth="same"), *RECORDS[2:]]
    assert 1 in next(one for one in mined_from(alike, lessons_of(alike), products) if one.own == 0).other
    mined = mined_from(alike, lessons_of(alike), products + 0.4)
    assert 1 not in next(one for one in mined if one.own == 0).other


def test_the_verification_loss_is_its_formula(tiny: Path) -> None:
    model, tokenizer, name, digest = read_encoder(str(tiny))
    verifier = CrossVerifier(model, tokenizer, name=name, weights_digest=digest, rank=2)
    with torch.no_grad():
        verifier.reader.read.weight.normal_(generator=torch.Generator().manual_seed(0))
    keys = [one.question for one in RECORDS]
    mined = [Mined("How much examplol?", 0, 0, (0,), (1, 2)), Mined("Colour of mockidone?", 3, None, (), (3, 0))]
    objective = VerificationObjective(verifier, [(keys, mined)], [(keys, mined)], rows=[2], turned=0.0, dropout=False)
    found = objective.loss(1, Share())["verification"].item()
    scores = [verifier.read_pairs([(one.text, keys[at]) for at in (*one.same, *one.other)]) for one in mined]
    fires = torch.logsumexp(torch.cat([scores[0], torch.zeros(1)]), 0) - scores[0][0]
    silent = torch.logsumexp(torch.cat([scores[1], torch.zeros(1)]), 0)
    assert found == pytest.approx(((fires + silent) / 2).item(), rel=1e-3)


def test_limits_hold_the_share_of_false_fires() -> None:
    lessons = Lessons([one.edit() for one in RECORDS], [Lesson(str(at), at, at if at < 3 else None) for at in range(6)])
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.5], [0.7, 0.0], [0.3, 0.0], [0.1, 0.0]])
    edits = torch.tensor([[0, 1], [0, 1], [0, 2], [4, 5], [4, 5], [4, 5]])
    best = best_of(scores, edits, lessons)
    assert best.right_at(0.0) == pytest.approx(2 / 3)
    assert best.false_at(0.5) == pytest.approx(1 / 3)
    assert best.limit_for(0.0) == pytest.approx(0.7)
    assert best.false_at(best.limit_for(0.34)) <= 0.34


def write(path: Path, records: list[EditRecord]) -> Path:
    path.write_text(json.dumps(synthetic_body(records)))
    return path


def test_training_leaves_a_checkpoint_that_decides(tiny: Path, tmp_path: Path) -> None:
    data, valid = write(tmp_path / "data.json", RECORDS), write(tmp_path / "valid.json", RECORDS[:4])
    told: list[str] = []
    run = train_retrieval(
        [data],
        [valid],
        tmp_path / "editor",
        settings=RetrievalSettings(steps=2, rows=4, questions=4),
        encoder=str(tiny),
        tell=lambda stage, progress: told.append(stage),
    )
    assert set(told) == {"contrast", "verification", "verification-2"}
    checkpoint = EditorCheckpoint.load(tmp_path / "editor")
    assert checkpoint.digest == run.digest
    assert checkpoint.encoder.parts.decision == "verified"
    assert checkpoint.thresholds.verifier_edits == 4
    edits = [one.edit() for one in RECORDS]
    keys, relation_keys = edit_keys(edits, checkpoint.encoder)
    rows = [
        MemoryRow(edit, Carrier.TEXT, keys[at], relation_keys[at], context=edit.statement)
        for at, edit in enumerate(edits)
    ]
    questions = [*(edit.question for edit in edits), "What is the colour of examplol?"]
    encoder = checkpoint.encoder
    fired = retrieve_verified(
        questions,
        Memory(tuple(rows)),
        checkpoint.thresholds,
        encode=encoder.queries,
        prototype=encoder.prototype,
        verifier=checkpoint.verifier,
    )
    assert [one.edit_id for one in fired[:6]] == [edit.edit_id for edit in edits]
    assert fired[6].best_edit_id is not None


def test_without_files_to_calibrate_on_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--valid"):
        train_retrieval([tmp_path / "x.json"], [], tmp_path / "editor")
