"""A causal LM in this process that writes JSON of a schema: no token that would leave the schema can follow.

Owns the loop with a token mask (llguidance, extra ``local-llm``). The reply always ends: when few tokens are left,
what may be closed is closed. Whether it says anything true is not its business. Never changes the model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from editor_engine.errors import EngineError, RequestError
from editor_engine.lm_families import CausalLM

_RESERVE_TOKENS = 512
"""Tokens from the end on which strings, lists and objects are closed wherever the schema lets them be."""
_TEMPERATURE = 0.7
"""Of every run but the first, which takes the likeliest token."""


class ConstraintMissingError(EngineError):
    """llguidance is not installed."""


@dataclass(frozen=True)
class JsonWritten:
    """What was written: its text, whether it is whole, and the tokens read and written."""

    text: str
    ended: bool
    prompt_tokens: int
    reply_tokens: int


class ConstrainedLm:
    """Writes JSON of a schema.

    Args:
        model: A Hugging Face causal LM in eval mode.
        tokenizer: Its fast tokenizer; a chat template, where it has one, decides the layout.
        name: How replies are named; another model, another name.

    Raises:
        ConstraintMissingError: llguidance is not installed.
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str) -> None:
        try:
            from llguidance.hf import from_tokenizer
        except ImportError:
            raise ConstraintMissingError(
                'expected llguidance, got none; install it with: pip install "medrek-flow[local-llm]"'
            ) from None
        self._model = model.eval()
        self._tokenizer = tokenizer
        self.name = name
        self._vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self._masks = from_tokenizer(tokenizer, n_vocab=self._vocabulary)
        self._closers = self._tokens_of('"', "]", "}")

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> ConstrainedLm:
        """Load a model's folder.

        Raises:
            BaseModelError: it is missing or cannot be loaded.
            ConstraintMissingError: llguidance is not installed.
        """
        lm = CausalLM.load(folder, device=device)
        return cls(lm._model, lm._tokenizer, name=f"local:{folder.name}@{lm.digest[:12]}")

    def write(
        self, *, system: str, user: str, schema: str, max_tokens: int, max_seconds: float, seed: int = 0
    ) -> JsonWritten:
        """Write one JSON value of ``schema``.

        Args:
            system: What the model is told to do.
            user: What it reads.
            schema: A JSON schema as text.
            max_tokens: Most tokens written.
            max_seconds: Most seconds; past them the text is cut off.
            seed: 0 takes the likeliest token, any other number samples with it.

        Raises:
            RequestError: the schema cannot be compiled, or the prompt does not fit the model's window.
        """
        matcher = self._matcher(schema)
        ids = self._prompt(system, user)
        window = int(getattr(self._model.config, "max_position_embeddings", 1 << 30))
        if len(ids) + max_tokens > window:
            raise RequestError(f"prompt: expected at most {window - max_tokens} tokens, got {len(ids)}")
        chance = torch.Generator().manual_seed(seed) if seed else None
        written = self._loop(ids, matcher, max_tokens, time.monotonic() + max_seconds, chance)
        text = str(self._tokenizer.decode(written, skip_special_tokens=True))
        return JsonWritten(text, bool(matcher.is_accepting() or matcher.is_stopped()), len(ids), len(written))

    @torch.inference_mode()
    def _loop(
        self, ids: Sequence[int], matcher: Any, max_tokens: int, until: float, chance: torch.Generator | None
    ) -> list[int]:
        """The tokens written; Shape: the LM is fed [1, L], then [1, 1]."""
        cache, given = DynamicCache(), torch.tensor([list(ids)], device=self._model.device)
        written: list[int] = []
        while len(written) < max_tokens and not matcher.is_stopped() and time.monotonic() < until:
            logits = self._model(input_ids=given, past_key_values=cache, use_cache=True).logits[0, -1]
            token = self._choose(
                logits.float().cpu(), matcher, chance, closing=max_tokens - len(written) < _RESERVE_TOKENS
            )
            if token in self._ends:
                matcher.consume_token(token)
                break
            if not matcher.consume_token(token):
                break
            written.append(token)
            given = torch.tensor([[token]], device=self._model.device)
        return written

    def _choose(self, logits: Tensor, matcher: Any, chance: torch.Generator | None, *, closing: bool) -> int:
        """One allowed token; Shape: ``logits`` [V]."""
        allowed = logits.masked_fill(~self._mask(matcher), float("-inf"))
        if closing:
            for token in (*self._ends, *self._closers):
                if torch.isfinite(allowed[token]):
                    return token
        if chance is None:
            return int(allowed.argmax())
        return int(torch.multinomial(torch.softmax(allowed / _TEMPERATURE, -1), 1, generator=chance))

    def _mask(self, matcher: Any) -> Tensor:
        """Which tokens may follow, [V]; the library's own kernel compiles itself first, for minutes on a CPU."""
        from llguidance.torch import allocate_token_bitmask, fill_next_token_bitmask

        bits: Tensor = allocate_token_bitmask(1, self._vocabulary)
        fill_next_token_bitmask(matcher, bits)
        return ((bits[0, :, None] >> torch.arange(32)) & 1).bool().flatten()[: self._vocabulary]

    def _matcher(self, schema: str) -> Any:
        from llguidance import LLMatcher

        matcher = LLMatcher(self._masks, _grammar(schema))
        if matcher.is_error():
            raise RequestError("schema: expected one that llguidance can compile, got another")
        return matcher

    @property
    def _ends(self) -> tuple[int, ...]:
        end = self._tokenizer.eos_token_id
        return () if end is None else (int(end),)

    def _prompt(self, system: str, user: str) -> list[int]:
        if getattr(self._tokenizer, "chat_template", None):
            turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
            text = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return list(self._tokenizer.encode(text, add_special_tokens=False))
        return list(self._tokenizer.encode(f"{system}\n\n{user}\n\n"))

    def _tokens_of(self, *characters: str) -> tuple[int, ...]:
        """Tokens that are just one of these characters, where the vocabulary has them."""
        found = (self._tokenizer.encode(character, add_special_tokens=False) for character in characters)
        return tuple(int(ids[0]) for ids in found if len(ids) == 1)


@lru_cache(maxsize=32)
def _grammar(schema: str) -> str:
    """The grammar of a schema, without white space: models that pad with blanks never end."""
    from llguidance import LLMatcher

    return str(LLMatcher.grammar_from_json_schema(json.loads(schema), overrides={"whitespace_flexible": False}))
