"""Invented texts: equal seeds give equal texts, and held-out texts stay out of training."""

from random import Random

import pytest

from editor_engine.demo.free_text import FreeText, ObjectKind, Split, is_held_out


def _objects(split: Split, kind: ObjectKind, seed: int = 5) -> list[str]:
    text = FreeText(Random(seed), split)
    return [text.object(kind) for _ in range(200)]


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_equal_seeds_give_equal_objects(kind: ObjectKind) -> None:
    assert _objects(Split.TRAIN, kind) == _objects(Split.TRAIN, kind)


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_each_object_lies_on_its_side_of_the_line(kind: ObjectKind) -> None:
    assert not any(is_held_out(text) for text in _objects(Split.TRAIN, kind))
    assert all(is_held_out(text) for text in _objects(Split.HELD_OUT, kind))


def test_a_held_out_name_is_held_out_in_any_case() -> None:
    assert is_held_out("Zanuprilol") == is_held_out("zanuprilol")


def test_no_object_ends_in_a_full_stop_or_has_loose_spaces() -> None:
    texts = [text for kind in ObjectKind for text in _objects(Split.TRAIN, kind)]
    assert not [text for text in texts if text.endswith(".") or "  " in text or text != text.strip()]
