"""The README's example runs, and every test that its table names exists."""

from __future__ import annotations

import re
from pathlib import Path

from editor_engine.edit import Silence
from editor_engine.lm_families import CausalLM

README = Path(__file__).parents[2] / "editor_engine" / "README.md"


def test_the_example_runs(base: CausalLM, tmp_path: Path) -> None:
    base._model.save_pretrained(tmp_path / "model")
    base._tokenizer.save_pretrained(tmp_path / "model")
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, object] = {"MODEL": str(tmp_path / "model"), "FOLDER": str(tmp_path)}
    exec(compile(example, str(README), "exec"), names)  # noqa: S102
    assert names["fired"] == ["zolpidem-women-1", "zolpidem-women-1", None]
    assert names["why_not"] is Silence.OTHER_RELATION
    (answer,) = names["answers"]  # type: ignore[misc]
    assert answer.firing.edit_id == "zolpidem-women-1"  # type: ignore[has-type]
    assert len(names["undone"].memory) == 0  # type: ignore[attr-defined]


def test_the_table_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+?)(?:\.py)?`", README.read_text()))
    written = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    stems = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert named
    assert {name for name in named if name not in stems and f"def {name}(" not in written} == set()
