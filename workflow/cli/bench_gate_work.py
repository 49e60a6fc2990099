"""What a base model was made to do: answers, tokens read and tokens said, which no busy machine blurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from editor_engine import CausalLM
from editor_engine.base_model import Prompted, Written
from editor_engine.generation import GenerationSettings
from editor_engine.weights_digest import folder_digest


@dataclass(frozen=True)
class Work:
    """Of a run: how many answers were generated, of how many tokens their prompts and they themselves are."""

    answers: int
    tokens_read: int
    tokens_said: int


class CountedLM(CausalLM):
    """A causal LM that remembers what it was asked; counting comes afterwards, so that no clock sees it."""

    _asked: list[Prompted]
    _said: list[str]

    @classmethod
    def counted(cls, folder: Path) -> CountedLM:
        """The model in a folder, behind a counter."""
        loaded = CausalLM.load(folder)
        one = cls(loaded._model, loaded._tokenizer, name=loaded.name, weights_digest=folder_digest(folder))
        one._asked, one._said = [], []
        return one

    def write(
        self, prompted: Sequence[Prompted], settings: GenerationSettings, *, batch_size: int = 32
    ) -> list[Written]:
        """Answer, and remember it."""
        written = super().write(prompted, settings, batch_size=batch_size)
        self._asked += prompted
        self._said += (one.text for one in written)
        return written

    def taken(self) -> Work:
        """The work since the last call."""
        asked, said = self._asked, self._said
        self._asked, self._said = [], []
        read = sum(len(self.token_ids(self.render(one.question, one.context))) for one in asked)
        return Work(len(asked), read, sum(len(self.text_ids(text)) + 1 for text in said))
