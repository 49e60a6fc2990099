"""What the base model says, asked once for each different prompt: freely, and along a given answer.

Owns ``answers.jsonl`` in the result folder, where answers are put as they come, so that a killed run asks none twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from editor_engine.base_model import Prompted
from editor_engine.errors import EngineError
from editor_engine.lm_families import CausalLM
from editor_engine.memory import value_sha256_of

Tell = Callable[[str, int, int | None], None]
_AT_ONCE = 64


class AnswerBook:
    """Answers by prompt; equal prompts are asked once, over all systems and sizes of memory.

    Args:
        max_new_tokens: longest free answer.
    """

    def __init__(self, base: CausalLM, *, max_new_tokens: int = 32, tell: Tell = lambda *_: None) -> None:
        self.base, self._longest, self._tell = base, max_new_tokens, tell
        self._said: dict[str, str] = {}
        self._best: dict[str, tuple[int, ...]] = {}
        self._file: Path | None = None

    def keep_in(self, path: Path, *, resume: bool) -> None:
        """Put answers into a file from here on; begin with those in it, if the run goes on.

        Raises:
            EngineError: a line in it is no answer.
        """
        self._file = path
        if not resume:
            path.unlink(missing_ok=True)
        whole = path.read_bytes().split(b"\n") if path.exists() else [b""]
        for number, line in enumerate(whole[:-1], start=1):
            try:
                self._remember(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise EngineError(f"{path}, line {number}: expected an answer of record: delete the file") from error
        if whole[-1]:
            path.write_bytes(b"".join(line + b"\n" for line in whole[:-1]))

    def say(self, prompted: Sequence[Prompted]) -> list[str]:
        """Free greedy answers, in order."""
        keys = [_key(one) for one in prompted]
        new = {key: one for key, one in zip(keys, prompted, strict=True) if key not in self._said}
        todo = list(new.items())
        for start in range(0, len(todo), _AT_ONCE):
            part = todo[start : start + _AT_ONCE]
            said = self.base.generate([one for _, one in part], max_new_tokens=self._longest)
            self._add([{"key": key, "said": text} for (key, _), text in zip(part, said, strict=True)])
            self._tell("answers", min(start + _AT_ONCE, len(todo)), len(todo))
        return [self._said[key] for key in keys]

    def likeliest(self, prompted: Sequence[Prompted], answers: Sequence[str]) -> list[tuple[int, ...]]:
        """The likeliest token at each place of a given answer (teacher forcing), its end left out."""
        keys = [_key(one, answer) for one, answer in zip(prompted, answers, strict=True)]
        asked = zip(keys, prompted, answers, strict=True)
        todo = list({key: (one, answer) for key, one, answer in asked if key not in self._best}.items())
        for start in range(0, len(todo), _AT_ONCE):
            part = todo[start : start + _AT_ONCE]
            ids = [torch.tensor(self.token_ids(one.question, answer)) for _, (one, answer) in part]
            logits = self.base.answer_logits([one for _, (one, _) in part], ids)
            best = [[int(token) for token in one.argmax(-1)] for one in logits]
            self._add([{"key": key, "best": tokens} for (key, _), tokens in zip(part, best, strict=True)])
            self._tell("teacher forcing", min(start + _AT_ONCE, len(todo)), len(todo))
        return [self._best[key] for key in keys]

    def token_ids(self, question: str, answer: str) -> tuple[int, ...]:
        """The answer's tokens as this model would say them, without its end."""
        _, said = self.base.answer_ids(question, answer)
        return tuple(int(token) for token in said[:-1])

    def _add(self, bodies: Sequence[dict[str, object]]) -> None:
        for body in bodies:
            self._remember(body)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(body) + "\n" for body in bodies)

    def _remember(self, body: dict[str, object]) -> None:
        key, best = str(body["key"]), body.get("best")
        if isinstance(best, list):
            self._best[key] = tuple(int(token) for token in best)
        else:
            self._said[key] = str(body["said"])


def _key(prompted: Prompted, answer: str | None = None) -> str:
    value = None if prompted.soft is None else value_sha256_of(None, prompted.soft)
    named = json.dumps([prompted.question, prompted.context, value, answer])
    return hashlib.sha256(named.encode()).hexdigest()
