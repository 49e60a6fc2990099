"""Decisions of a memory that shrinks round by round: made once, and again only for questions that can differ.

A gate judges one batch in rounds and takes edits out between them. What a question decided stays decided unless an
edit that went out had a part in it; where that cannot be told from the question alone everything is decided anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from editor_engine.edit import Firing
from editor_engine.edited_model import EditedModel
from editor_engine.memory import Memory
from editor_engine.subject_mention import SubjectIndex


class KeptDecisions:
    """Decides as ``EditedModel.retrieve`` does, and remembers it while only rows go out of the memory."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._model: EditedModel | None = None
        self._known: dict[str, Firing] = {}
        self.made = 0
        """Decisions that were made, not remembered."""

    def __call__(self, model: EditedModel, questions: Sequence[str]) -> list[Firing]:
        """The decision of ``model`` for each question, in order.

        Raises:
            PromptTooLongError: see ``EditedModel.retrieve``.
        """
        self._known = self._still_known(model)
        self._model = model
        new = [question for question in dict.fromkeys(questions) if question not in self._known]
        self._known.update(zip(new, model.retrieve(new), strict=True))
        self.made += len(new)
        return [self._known[question] for question in questions]

    def _still_known(self, model: EditedModel) -> dict[str, Firing]:
        before = self._model
        if before is None or not model.differs_in_memory_alone(before):
            return {}
        if model.memory is before.memory:
            return self._known
        if not model.decides_row_by_row or not _is_part(model.memory, before.memory):
            return {}
        gone = [row for row in before.memory if row.edit_id not in model.memory]
        if not all(row.names_itself for row in gone):
            return {}
        ids, named = {row.edit_id for row in gone}, SubjectIndex({n: row.names for n, row in enumerate(gone)})
        return {
            question: firing
            for question, firing in self._known.items()
            if firing.best_edit_id not in ids and not named.rows_named(question) and model.encoder.reads_whole(question)
        }


def _is_part(memory: Memory, of: Memory) -> bool:
    """Whether a memory is another one less some rows, not all, and none of those that stay was shadowed by them."""
    return bool(len(memory)) and all(
        row.edit_id in of
        and of.row(row.edit_id) is row
        and (row.edit_id in of.shadowed) == (row.edit_id in memory.shadowed)
        for row in memory
    )
