"""The second stage of retrieval: does a question ask for the same fact as an edit's key question?

The bi-encoder proposes, a verifier disposes: it runs only when a key has cleared the prototype. ``CrossVerifier`` reads
question and key question side by side (the text encoder with adapters of its own, once or more often), and joins what
it sees with the keys' product and the words' evidence. A pair's score depends on that pair alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import gelu

from editor_engine.adapters import Adapters
from editor_engine.clinical_terms import TermList, level_terms
from editor_engine.edit import Edit
from editor_engine.errors import EncoderError
from editor_engine.question_evidence import EVIDENCE, word_evidence
from editor_engine.stored_weights import read_weights
from editor_engine.subject_mention import mask_subject

FORMAT: Final = "medrek-flow.verifier/1"
ADAPTED_LAYERS: Final = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
"""Ends of the names of a BERT-like encoder's linear layers."""

LONGEST_PAIR_TOKENS: Final = 192
MOST_WORDINGS: Final = 4
_DECIMALS: Final = 4
"""Scores are rounded, so that how pairs are batched decides nothing."""


class Proposal(NamedTuple):
    """A question and an edit whose key cleared the prototype, with the inner product of the two."""

    question: str
    edit: Edit
    product: float


class Verifier(Protocol):
    """Says for pairs of question and edit whether the question asks for that edit's fact."""

    def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
        """One verdict per pair, in order; deterministic for a given release."""
        ...


@runtime_checkable
class ScoringVerifier(Protocol):
    """A verifier that says how sure it is, so that a release's limit decides (``Thresholds.verifier``)."""

    def scores(self, proposals: Sequence[Proposal]) -> list[float]:
        """One logit per proposal, in order; deterministic for a given release."""
        ...


class EvidenceHead(nn.Module):
    """Joins what the cross-encoder sees, the keys' product and the words' evidence into one logit; a tiny MLP.

    Shape: [n, 2 + len(EVIDENCE)] -> [n].
    """

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.width = 2 + len(EVIDENCE)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))
        self.within = nn.Linear(self.width, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, evidence: Tensor) -> Tensor:
        logits: Tensor = self.out(gelu(self.within((evidence - self.mean) / self.scale))).squeeze(-1)
        return logits


class Reader(nn.Module):
    """One cross-encoder: adapters of its own on the frozen encoder that all readers share, and a reading layer."""

    def __init__(self, model: Any, *, rank: int, seed: int) -> None:
        super().__init__()
        self.adapters = Adapters(model, layers=ADAPTED_LAYERS, rank=rank, seed=seed).to(model.device)
        self.read = nn.Linear(2 * int(model.config.hidden_size), 1)
        nn.init.zeros_(self.read.weight)
        nn.init.constant_(self.read.bias, -1.0)
        self.read.to(model.device)

    def weights(self, prefix: str = "") -> dict[str, Tensor]:
        """Adapters and reading layer by name."""
        own = {f"{prefix}adapters.{name}": tensor for name, tensor in self.adapters.weights().items()}
        return own | {f"{prefix}read.{name}": one for name, one in self.read.state_dict(keep_vars=True).items()}


class CrossVerifier(nn.Module):
    """Cross-encoders over (question, key question), whose mean joins the other evidence in a head.

    Args:
        model: a BERT-like encoder; frozen, it gets adapters.
        tokenizer: its tokenizer.
        name, weights_digest: which encoder it is.
        rank: of the adapters. seed: of their start weights.
        terms: which list of clinical terms it reads by.
        readers: how many cross-encoders read each pair.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        weights_digest: str,
        rank: int = 16,
        seed: int = 0,
        terms: TermList = "clinical-1",
        readers: int = 1,
    ) -> None:
        super().__init__()
        self.name, self.weights_digest, self.rank = name, weights_digest, rank
        self.terms: TermList = terms
        self._model = [model.eval().requires_grad_(False)]
        """In a list, so that the frozen encoder is no part of this module's weights."""
        self._tokenizer = tokenizer
        self._readers = [Reader(model, rank=rank, seed=seed + number) for number in range(readers)]
        self.readers = nn.ModuleList(self._readers)
        self._turn = Lock()
        """Held while one reader's adapters are on: several threads may ask one verifier."""
        self.evidence = EvidenceHead()
        self.rarity: Tensor
        self.register_buffer("rarity", torch.ones(int(model.config.vocab_size)))
        self.limit = 0.0
        """For ``same_fact``, where no release's limit is at hand."""

    def read_pairs(self, pairs: Sequence[tuple[str, str]], *, batch_size: int = 64) -> Tensor:
        """What the cross-encoder sees in pairs of question and key question, differentiable. Shape: [n]."""
        levelled = [(level_terms(one, self.terms), level_terms(other, self.terms)) for one, other in pairs]
        by_length = sorted(range(len(pairs)), key=lambda at: (sum(map(len, levelled[at])), levelled[at]))
        parts = [
            self._read([levelled[at] for at in by_length[start : start + batch_size]])
            for start in range(0, len(pairs), batch_size)
        ]
        place = torch.empty(len(pairs), dtype=torch.long)
        place[torch.tensor(by_length, dtype=torch.long)] = torch.arange(len(pairs))
        return torch.cat(parts)[place.to(parts[0].device)]

    def _read(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        model = self._model[0]
        batch = self._tokenizer(
            [one for one, _ in pairs],
            [other for _, other in pairs],
            padding=True,
            truncation="longest_first",
            max_length=LONGEST_PAIR_TOKENS,
            return_tensors="pt",
        ).to(model.device)
        real = batch["attention_mask"].unsqueeze(-1).float()
        seen: list[Tensor] = []
        for reader in self._readers:
            with self._turn:
                for one in self._readers:
                    one.adapters.on = one is reader
                states = model(**batch).last_hidden_state.float()
            mean = (states * real).sum(1) / real.sum(1)
            seen.append(reader.read(torch.cat([states[:, 0], mean], dim=1)).squeeze(-1))
        return torch.stack(seen).mean(0)

    def set_dropout(self, *, on: bool) -> None:
        """Whether the encoder drops states at random, as in training; off for every other use. Attention drops none."""
        for name, module in self._model[0].named_modules():
            if isinstance(module, nn.Dropout) and not name.endswith("attention.self.dropout"):
                module.train(on)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Cast the frozen encoder's own weights, for training; for use, load the verifier anew."""
        self._model[0].to(dtype)
        with suppress(ValueError):
            self._model[0].set_attn_implementation("eager")

    def evidence_of(self, pairs: Sequence[tuple[str, str, float]], seen: Tensor) -> Tensor:
        """All evidence about (question, key question, product), with what was seen. Shape: seen [n] -> [n, 10]."""
        levelled = [
            (level_terms(one, self.terms), level_terms(other, self.terms), product) for one, other, product in pairs
        ]
        texts = list(dict.fromkeys(text for one, other, _ in levelled for text in (one, other)))
        encoded = self._tokenizer(texts, add_special_tokens=False, truncation=True, max_length=LONGEST_PAIR_TOKENS)
        pieces = dict(zip(texts, encoded["input_ids"], strict=True))
        rarity = self.rarity.cpu()
        words = [word_evidence(one, other, pieces[one], pieces[other], rarity) for one, other, _ in levelled]
        products = [product for _, _, product in levelled]
        rest = torch.cat([torch.tensor(products).unsqueeze(1), torch.tensor(words)], dim=1)
        return torch.cat([seen.unsqueeze(1), rest.to(seen)], dim=1)

    def pieces_of(self, text: str) -> list[int]:
        """Word pieces of a text as the evidence counts them."""
        found: list[int] = self._tokenizer(level_terms(text, self.terms), add_special_tokens=False)["input_ids"]
        return found

    @property
    def special_pieces(self) -> list[int]:
        """The tokenizer's special tokens."""
        found: list[int] = self._tokenizer.all_special_ids
        return found

    @torch.no_grad()
    def scores(self, proposals: Sequence[Proposal]) -> list[float]:
        """One logit per proposal: the best of the edit's wordings, an alias in the question read as the subject."""
        if not proposals:
            return []
        pairs: list[tuple[str, str, float]] = []
        owners: list[int] = []
        for number, (question, edit, product) in enumerate(proposals):
            heard = heard_by(edit, question)
            wordings = (edit.question, *edit.paraphrases)[:MOST_WORDINGS]
            pairs += [(heard, wording, product) for wording in wordings]
            owners += [number] * len(wordings)
        seen = self.read_pairs([(one, other) for one, other, _ in pairs])
        logits = self.evidence(self.evidence_of(pairs, seen)).cpu().tolist()
        best = [float("-inf")] * len(proposals)
        for owner, logit in zip(owners, logits, strict=True):
            best[owner] = max(best[owner], round(logit, _DECIMALS))
        return best

    def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
        """Whether each pair's score is above ``limit``; a product nobody gave counts as what a paraphrase has."""
        typical = float(self.evidence.mean[1])
        return [score > self.limit for score in self.scores([Proposal(*pair, typical) for pair in pairs])]

    def weights(self) -> dict[str, Tensor]:
        """All weights but the frozen encoder's, by name."""
        own: dict[str, Tensor] = {}
        for number, reader in enumerate(self._readers):
            own |= reader.weights(f"reader {number}." if number else "")
        own |= {f"evidence.{name}": one for name, one in self.evidence.state_dict(keep_vars=True).items()}
        return {**own, "rarity": self.rarity}

    @property
    def reader(self) -> Reader:
        """The first cross-encoder: the one that a stage of training trains."""
        return self._readers[0]

    def take_readers(self, others: Sequence[CrossVerifier]) -> None:
        """Become the mean of verifiers of one cross-encoder each, with what the first knows of rare words."""
        with torch.no_grad():
            for own, other in zip(self._readers, others, strict=True):
                for name, tensor in own.weights().items():
                    tensor.copy_(other.reader.weights()[name])
            self.rarity.copy_(others[0].rarity)

    def save(self, path: Path) -> None:
        """Write the weights in half precision, but for the evidence head's, with what encoder they fit."""
        about = {"format": FORMAT, "encoder": self.name, "digest": self.weights_digest, "rank": str(self.rank)}
        if self.terms != "clinical-1":
            about["terms"] = self.terms
        if len(self._readers) > 1:
            about["readers"] = str(len(self._readers))
        tensors = {
            name: tensor.detach()
            .to("cpu", torch.float32 if name.startswith("evidence") else torch.float16)
            .contiguous()
            for name, tensor in self.weights().items()
        }
        save_file(tensors, str(path), metadata={"medrek-flow": json.dumps(about, sort_keys=True)})

    def load(self, path: Path) -> None:
        """Take the weights of a file whose names and shapes fit exactly.

        Raises:
            EncoderError: the file is unreadable, has other names or shapes, or holds a NaN.
        """
        own = self.weights()
        found = read_weights(path, own, what="Verifier", remedy="it belongs to another text encoder or version")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(found[name])


def heard_by(edit: Edit, question: str) -> str:
    """The question as one edit hears it: an alias read as the subject."""
    if not edit.aliases or mask_subject(question, [edit.subject]) is not None:
        return question
    return mask_subject(question, edit.aliases, mask=edit.subject) or question


def load_verifier(path: Path, *, device: str = "cpu", encoder: str | Path | None = None) -> CrossVerifier:
    """The verifier of a checkpoint, from its ``verifier.safetensors``, whose sha256 was found right.

    Args:
        encoder: where the text encoder lies here, if not where it lay when it was trained.

    Raises:
        EncoderError: no verifier of this version, or for another text encoder.
    """
    from editor_engine.text_encoder import read_encoder

    about = _about(path)
    model, tokenizer, name, digest = read_encoder(encoder or about["encoder"], device=device)
    if digest != about["digest"]:
        raise EncoderError(
            f"Verifier {path} fits text encoder {about['encoder']} ({about['digest'][:12]}), got {name} "
            f"({digest[:12]}): name the encoder that it was trained on"
        )
    verifier = CrossVerifier(
        model,
        tokenizer,
        name=name,
        weights_digest=digest,
        rank=int(about["rank"]),
        terms=_terms_of(about, path),
        readers=int(about.get("readers", "1")),
    )
    verifier.load(path)
    return verifier.to(device)


def _terms_of(about: dict[str, str], path: Path) -> TermList:
    match about.get("terms", "clinical-1"):
        case "clinical-1":
            return "clinical-1"
        case "clinical-2":
            return "clinical-2"
        case other:
            raise EncoderError(f"Verifier {path}: expected list 1 or 2 of clinical terms, got {other}; train it again")


def _about(path: Path) -> dict[str, str]:
    try:
        with safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("medrek-flow", "{}"))
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(f"Verifier {path} cannot be read ({type(error).__name__}): restore the file") from error
    if about.get("format") != FORMAT or not {"encoder", "digest", "rank"} <= about.keys():
        raise EncoderError(f"Verifier {path}: expected the format {FORMAT}, got {about.get('format')}; train it again")
    return {name: str(value) for name, value in about.items()}
