"""One training run in memory: model, optimizer and step count, and their way to disk and back."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from editor_engine.demo.batches import MicroBatch, training_batch
from editor_engine.demo.recipe import Recipe


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A fresh model; equal recipes give equal weights."""
    torch.manual_seed(recipe.seed)
    config = recipe.model_config(
        vocabulary_size=len(tokenizer),
        end_id=int(tokenizer.eos_token_id),
        pad_id=int(tokenizer.pad_token_id),
    )
    return LlamaForCausalLM(config)


def answer_logits(model: LlamaForCausalLM, batch: MicroBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Logits where a weighted token is predicted.

    Padding stands on the right, so the causal mask alone keeps it out.

    Returns:
        logits [n, vocabulary], the tokens to predict [n] and their weights [n].
    """
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    wanted = batch.weights[:, 1:] > 0
    logits = model.lm_head(hidden[wanted]).float()
    return logits, batch.ids[:, 1:][wanted], batch.weights[:, 1:][wanted]


class Learner:
    """A run that can stop after any step and go on elsewhere with the same result.

    Args:
        threads: how many micro-batches are computed at once, one core each. Threads that meet once a
            step lose little on a busy machine, where threads inside each product would wait at each.
    """

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast, threads: int = 2) -> None:
        self.recipe = recipe
        self.tokenizer = tokenizer
        self.model = build_model(recipe, tokenizer)
        self.step = 0
        self._threads = ThreadPoolExecutor(max_workers=threads, initializer=torch.set_num_threads, initargs=(1,))
        self._optimizer = torch.optim.AdamW(self._parameter_groups(), betas=(0.9, 0.98), fused=True)

    def take_step(self) -> float:
        """Train on the next batch.

        Returns:
            the weighted mean loss of the batch.
        """
        self.model.train()
        batch = training_batch(self.recipe, self.tokenizer, self.step)
        loss = self._accumulate(batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate(self.step)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss

    def save(self, path: Path) -> None:
        """Write the whole state; a crash leaves the previous file."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        draft = path.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(path)

    def restore(self, path: Path) -> None:
        """Go on where a saved run of the same recipe stopped; only ``steps`` may be another.

        Raises:
            ValueError: the file belongs to another recipe.
        """
        state = torch.load(path, weights_only=True)
        self._check_recipe(state["recipe"])
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

    def _accumulate(self, batch: Sequence[MicroBatch]) -> float:
        """Gradients of all parts, each computed by one thread; added in order, so always alike."""
        total_weight = sum(float(part.weights[:, 1:].sum()) for part in batch)
        results = list(self._threads.map(lambda part: self._gradients(part, total_weight), batch))
        for index, parameter in enumerate(self.model.parameters()):
            parameter.grad = torch.stack([gradients[index] for _, gradients in results]).sum(0)
        return sum(loss for loss, _ in results)

    def _gradients(self, part: MicroBatch, total_weight: float) -> tuple[float, tuple[Tensor, ...]]:
        with self._precision():
            logits, targets, weights = answer_logits(self.model, part)
        losses = functional.cross_entropy(logits, targets, reduction="none")
        loss = (losses * weights).sum() / total_weight
        return float(loss.detach()), torch.autograd.grad(loss, list(self.model.parameters()))

    def _precision(self) -> AbstractContextManager[object]:
        if self.recipe.half_precision:
            return torch.autocast("cpu", torch.bfloat16)
        return nullcontext()

    def _parameter_groups(self) -> list[dict[str, object]]:
        parameters = list(self.model.parameters())
        return [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": self.recipe.weight_decay},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]

    def _check_recipe(self, saved: Mapping[str, object]) -> None:
        ours = asdict(self.recipe)
        changed = sorted(name for name in ours if name != "steps" and saved.get(name) != ours[name])
        if changed:
            raise ValueError(
                f"Expected a checkpoint of the same recipe, got other values of {', '.join(changed)}; "
                "train into an empty folder instead"
            )
