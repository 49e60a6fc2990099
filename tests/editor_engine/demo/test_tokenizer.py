"""The tokenizer: loses nothing, joins no digits, and cuts an object alike in fact and answer."""

from pathlib import Path
from random import Random

import pytest
from transformers import PreTrainedTokenizerFast

from editor_engine.demo.examples import ReadingDesk, Wording
from editor_engine.demo.free_text import ObjectKind, Split
from editor_engine.demo.tokenizer import load_tokenizer


@pytest.mark.parametrize(
    "text", ["2.5 mg once daily", " Not supported: the trial", "β-blocker ≥ 5 µg", "a\nb  c", "12,500 IU (½)"]
)
def test_a_text_survives_the_round_trip(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_no_token_holds_two_digits_or_a_joined_full_stop(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = [tokenizer.decode([index]) for index in range(len(tokenizer))]
    assert not [token for token in tokens if sum(character.isdigit() for character in token) > 1]
    assert not [token for token in tokens if "." in token and token.strip() != "."]


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_an_object_has_the_same_tokens_in_fact_and_answer(tokenizer: PreTrainedTokenizerFast, kind: ObjectKind) -> None:
    desk = ReadingDesk(Random(6), Split.TRAIN)
    for _ in range(50):
        example = desk.reading(kind, Wording.PARAPHRASE)
        fact = example.prompt.split("\n")[0]
        tail = tokenizer.encode(f"{example.answer}.")
        assert tokenizer.encode(fact)[-len(tail) :] == tail
        assert tail[:-1] == tokenizer.encode(example.answer)


def test_a_saved_tokenizer_cuts_as_before(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    text = "Fact: How much zaruline? 0.25 mg.\nQuestion: How much?\nAnswer:"
    assert load_tokenizer(tmp_path).encode(text) == tokenizer.encode(text)
