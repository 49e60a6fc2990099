"""The frozen causal LM that is edited: any Hugging Face family, loaded by path or hub id.

Owns loading, the digest of the weights, the batches that it is asked in and what fits its window. Never changes a
weight, never replaces a method of the model, never runs code of a model repository.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from editor_engine import prompt_layout
from editor_engine.base_model import Piece, Prompted, Written
from editor_engine.chat import Turn
from editor_engine.context_window import ContextWindow
from editor_engine.edit import Carrier
from editor_engine.errors import BaseModelError
from editor_engine.forced_logits import forced_logits
from editor_engine.generation import Finish, GenerationSettings
from editor_engine.lm_text import LMText
from editor_engine.quiet_loading import without_bars
from editor_engine.soft_prompt import Side, positions_of
from editor_engine.text_pieces import TextPieces
from editor_engine.token_choice import TokenChoice
from editor_engine.token_loop import Row, TokenLoop
from editor_engine.weights_digest import folder_digest, local_folder

__all__ = ["CausalLM", "Prompted"]

_ROWS_AT_ONCE = 32
_MOST_TOKENS_BESIDE = 64
"""More than the special tokens that stand beside a prompt's bytes; no other token is shorter than a byte."""


class CausalLM:
    """A frozen causal LM with its tokenizer.

    Args:
        model: a Hugging Face causal LM; put into eval mode and frozen.
        tokenizer: its tokenizer; a chat template, where it has one, decides the layout.
        name: how it was asked for, for messages.
        weights_digest: sha256 over the model's files.
    """

    is_verified = True
    carriers = frozenset(Carrier)

    def __init__(self, model: Any, tokenizer: Any, *, name: str, weights_digest: str) -> None:
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self.name = name
        self.device = torch.device(model.device)
        self.digest = hashlib.sha256(f"{prompt_layout.LAYOUT_VERSION}:{weights_digest}".encode()).hexdigest()
        self.parameters = sum(int(weights.numel()) for weights in model.parameters())
        self.vocabulary, self.hidden_size = (int(size) for size in model.get_input_embeddings().weight.shape)
        self.words = LMText(tokenizer, ends=_ends_of(model), name=name)
        self.window = ContextWindow.of(model.config, name=name)
        self._loop = TokenLoop(model, stop_ids=self.words.stop_ids, pad_id=self.words.pad_id, name=name)

    @classmethod
    def load(cls, name_or_path: str | Path, *, device: str = "cpu", dtype: torch.dtype | str | None = None) -> CausalLM:
        """The LM, ready to answer.

        Args:
            device: where it runs; never changed silently.
            dtype: precision of the weights, also by name ("bfloat16"); by default fp32 on the CPU, the checkpoint's
                own elsewhere.

        Raises:
            BaseModelError: the model is missing or cannot be loaded.
        """
        folder = local_folder(name_or_path, BaseModelError)
        wanted: torch.dtype | str = dtype or (torch.float32 if device == "cpu" else "auto")
        try:
            with without_bars():
                model, told = AutoModelForCausalLM.from_pretrained(
                    folder,
                    dtype=wanted,
                    use_safetensors=True,
                    trust_remote_code=False,
                    local_files_only=True,
                    output_loading_info=True,
                )
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise BaseModelError(
                f"Base model {name_or_path} in {folder} cannot be loaded ({type(error).__name__}): the folder needs "
                "config.json, tokenizer.json and *.safetensors of a causal LM that transformers knows"
            ) from error
        if missing := sorted(told["missing_keys"]):
            raise BaseModelError(
                f"Base model {name_or_path} in {folder} lacks {len(missing)} weights, {missing[0]} among them: they "
                "would be random; restore its safetensors"
            )
        return cls(_moved(model, device), tokenizer, name=str(name_or_path), weights_digest=folder_digest(folder))

    @property
    def dtype(self) -> str:
        """Number format of the weights, by name: ``float32``."""
        return str(self._model.dtype).removeprefix("torch.")

    @property
    def has_chat_template(self) -> bool:
        """Whether prompts are written by the model's own template; else the plain layout."""
        return self.words.has_chat_template

    def context_of(self, fact: str) -> str:
        """The exact text that the text carrier puts in front of a question."""
        return self.words.context_of(fact)

    def render(self, question: str, context: str | None = None, before: Sequence[Turn] = ()) -> str:
        """The whole prompt for a question, as text; see ``LMText.render``."""
        return self.words.render(question, context, before)

    def check_fits(self, prompted: Sequence[Prompted], settings: GenerationSettings) -> None:
        """Pass prompts that fit the window together with their answers.

        Raises:
            PromptTooLongError: one does not.
        """
        room = settings.max_new_tokens + _MOST_TOKENS_BESIDE
        for one in prompted:
            most = len(self.render(one.question, one.context, one.before).encode())
            if not self.window.holds(most + room + (0 if one.soft is None else len(one.soft))):
                self._rows([one], settings)

    def generate(
        self, prompted: Sequence[Prompted], *, max_new_tokens: int = 32, batch_size: int = _ROWS_AT_ONCE
    ) -> list[str]:
        """Free greedy continuations, new text only, stripped, in order; see ``write``."""
        settings = GenerationSettings(max_new_tokens=max_new_tokens)
        return [written.text for written in self.write(prompted, settings, batch_size=batch_size)]

    def write(
        self, prompted: Sequence[Prompted], settings: GenerationSettings, *, batch_size: int = _ROWS_AT_ONCE
    ) -> list[Written]:
        """Answers under settings, in order.

        Rows without a soft prompt form their own batches through the plain path, apart from the others.

        Raises:
            PromptTooLongError: a prompt and its answer do not fit the window; nothing was generated.
            RequestError: the chat template refuses a chat.
            BaseModelError: the weights give no numbers, or the device has no room for one row.
        """
        rows, dropped = self._rows(prompted, settings)
        for group in self._groups(rows, batch_size):
            for _ in self._loop.run(group, settings):
                pass
        return [self._written(row, dropped[row.number]) for row in rows]

    def stream(
        self, prompted: Sequence[Prompted], settings: GenerationSettings, *, batch_size: int = _ROWS_AT_ONCE
    ) -> Generator[Piece | Written, None, None]:
        """The same answers piece by piece; each row ends with its ``Written``. Closing it stops the model.

        Raises:
            see ``write``; a prompt that is too long is refused before this returns.
        """
        rows, dropped = self._rows(prompted, settings)
        return self._pieces(self._groups(rows, batch_size), settings, dropped)

    def _pieces(
        self, groups: Sequence[Sequence[Row]], settings: GenerationSettings, dropped: Sequence[int]
    ) -> Generator[Piece | Written, None, None]:
        for group in groups:
            pieces = {row.number: TextPieces(self.words.text_of) for row in group}
            for row in self._loop.run(group, settings):
                ended = row.finish is not None
                if piece := pieces[row.number].further(row.new, ended=ended):
                    yield Piece(row.number, piece)
                if ended:
                    yield self._written(row, dropped[row.number])

    @torch.inference_mode()
    def next_logits(self, prompted: Sequence[Prompted], *, side: Side = "left") -> Tensor:
        """Logits of the first answer token, by the same grouping as ``write``. Shape: [B, vocabulary]."""
        nothing = torch.empty(1, dtype=torch.long)
        return torch.cat(self.answer_logits(prompted, [nothing.fill_(self.end_id)] * len(prompted), side=side))

    @torch.inference_mode()
    def answer_logits(
        self,
        prompted: Sequence[Prompted],
        answers: Sequence[Tensor],
        *,
        side: Side = "left",
        cached: bool = False,
    ) -> list[Tensor]:
        """Logits that predict each token of a given answer (teacher forcing), by the grouping of ``write``.

        Shape: answers [L_a] each -> [L_a, vocabulary] each.

        Args:
            side: where shorter rows are padded.
            cached: token by token over a cache, as in generation; else in one pass.
        """
        rows, _ = self._rows(prompted, GenerationSettings())
        found: dict[int, Tensor] = {}
        for group in self._groups(rows, max(1, len(rows))):
            logits = forced_logits(
                self._model,
                group,
                [answers[row.number].to(self.device) for row in group],
                pad_id=self.words.pad_id,
                side=side,
                cached=cached,
            )
            found.update(zip((row.number for row in group), logits, strict=True))
        return [found[number] for number in range(len(prompted))]

    def token_ids(self, text: str) -> Tensor:
        """Token ids of a rendered prompt. Shape: [L]."""
        return self.words.token_ids(text).to(self.device)

    def answer_ids(self, question: str, answer: str) -> tuple[Tensor, Tensor]:
        """Token ids of a rendered question, and of an answer with its end token as this LM would say it.

        Shape: [L_q], [L_a + 1].
        """
        asked = self.render(question)
        given = self.token_ids(asked)
        answer = self.words.defuse(prompt_layout.one_line(answer))
        both = self.token_ids(asked + (answer if self.has_chat_template else f" {answer}"))
        if len(both) > len(given) and torch.equal(both[: len(given)], given):
            said = both[len(given) :]
        else:  # the tokenizer joins the last of the question with the first of the answer
            said = self._tokenizer(answer, add_special_tokens=False, return_tensors="pt")["input_ids"][0].to(both)
        return given, torch.cat([said, said.new_tensor([self.end_id])])

    def text_ids(self, text: str) -> Tensor:
        """Token ids of a plain text, without anything that a prompt begins with. Shape: [L]."""
        ids: Tensor = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"][0]
        return ids.long().to(self.device)

    @property
    def end_id(self) -> int:
        """The token by which this LM ends an answer: the tokenizer's own where generation stops at it."""
        own = self._tokenizer.eos_token_id
        return int(own) if own in self.words.stop_ids else self.words.stop_ids[0]

    def embed(self, ids: Tensor) -> Tensor:
        """The LM's own input embeddings, as ``inputs_embeds`` takes them. Shape: [...] -> [..., H]."""
        found: Tensor = self._model.get_input_embeddings()(ids.to(self.device))
        return found

    def logits(self, embeds: Tensor, mask: Tensor, *, last: int = 0) -> Tensor:
        """Logits at the last positions (0: at all); differentiable in ``embeds``, the weights stay frozen.

        Shape: [B, L, H], [B, L] -> [B, last or L, vocabulary].
        """
        found: Tensor = self._model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions_of(mask),
            use_cache=False,
            logits_to_keep=last,
        ).logits
        return found

    def _rows(self, prompted: Sequence[Prompted], settings: GenerationSettings) -> tuple[list[Row], list[int]]:
        """Rows ready to run, and how many turns of each chat had to be left out."""
        rows, dropped = [], []
        for number, one in enumerate(prompted):
            soft = None if one.soft is None else one.soft.to(self.device)
            room = settings.max_new_tokens + (0 if soft is None else len(soft))
            ids, left_out = self.window.fit(
                one.before, partial(self._ids_of, one), room=room, when_too_long=settings.when_too_long
            )
            rows.append(Row(number, ids, soft, TokenChoice(settings)))
            dropped.append(left_out)
        return rows, dropped

    def _ids_of(self, one: Prompted, before: Sequence[Turn]) -> Tensor:
        return self.token_ids(self.render(one.question, one.context, before))

    def _groups(self, rows: Sequence[Row], batch_size: int) -> list[list[Row]]:
        """Rows in batches: plain rows first, then rows with a soft prompt; each sorted by length."""
        groups: list[list[Row]] = []
        for is_soft in (False, True):
            chosen = [row for row in rows if (row.soft is not None) is is_soft]
            chosen.sort(key=lambda row: (row.length, row.number))
            groups += [chosen[start : start + batch_size] for start in range(0, len(chosen), batch_size)]
        return groups

    def _written(self, row: Row, dropped_turns: int) -> Written:
        return Written(row.number, self.words.text_of(row.new), row.finish or Finish.LENGTH, dropped_turns)


def _moved(model: Any, device: str) -> Any:
    """The model on its device.

    Raises:
        BaseModelError: there is no such device, or too little memory on it.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise BaseModelError(
            f"Base model: device {device} cannot take it ({type(error).__name__}); name a device that this machine has "
            "and that has room, or a smaller dtype"
        ) from error


def _ends_of(model: Any) -> list[int]:
    """The end tokens of a model's generation config."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    return [int(end) for end in (ends if isinstance(ends, list) else [ends]) if end is not None]
