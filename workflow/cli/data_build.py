"""Builds one data file for ``data build``: the builder by its name, and the language model it may need."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from editor_engine.datasets.mcq import read_mcqs
from editor_engine.datasets.medcf import in_part, without_any_clash, without_own_clash
from editor_engine.datasets.medversa import build_medversa
from editor_engine.datasets.published import Published, read_published, write_text
from editor_engine.datasets.records import MEDCF_SLOTS, DataError, synthetic_body
from editor_engine.datasets.wording import ReplyCache, Templates
from workflow.cli.output import Progress, note
from workflow.errors import UsageError

MEDVERSA = "medversa"
SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Wording:
    """How ``medversa`` gets its questions' words, and how many records it draws."""

    url: str | None
    model: str
    allow_private: bool
    max_calls: int
    at_once: int
    cache: Path | None
    templates: Path | None
    count: int | None
    cop_base: int | None


def build_file(
    name: str, source: Path, out: Path, *, part: str, seed: int, wording: Wording, progress: Progress
) -> tuple[list[dict[str, object]], dict[str, int]]:
    """The records of the file to write, and what was left out, by reason.

    Raises:
        UsageError: no builder of that name, or medversa without a language model.
        DataError: the input is broken; names the record and the field.
        LlmUnusableError: the language model gave nothing usable; what it gave before is kept.
    """
    if source.resolve() == out.resolve():
        raise UsageError(f"--out: expected another file than the input, got {out}")
    if name == MEDVERSA:
        return _medversa(source, out, seed, wording, progress)
    builders: dict[str, tuple[str, Callable[[list[Published]], list[Published]]]] = {
        "medcf++": ("its prompt is its own locality prompt", without_own_clash),
        "medcf++-strict": ("a prompt is another question that must stay, or edited twice", without_any_clash),
        "medcf-disjoint": (f"the strict rule, or not of part {part}", lambda found: in_part(found, part, seed=seed)),
    }
    if name not in builders:
        raise UsageError(f"NAME: expected one of {', '.join([*builders, MEDVERSA, SYNTHETIC])}, got {name}")
    records = read_published(source)
    _check_medcf(records)
    reason, rule = builders[name]
    kept = rule(records)
    return [dict(one.body) for one in kept], {reason: len(records) - len(kept)}


def _check_medcf(records: list[Published]) -> None:
    for one in records:
        if {locality.slot for locality in one.record.localities} != set(MEDCF_SLOTS.values()):
            raise DataError(
                f"{one.path}, record {one.number}: field locality_target_prompt: expected MedCF's four locality slots, "
                "got a record of another data set"
            )


def _medversa(
    source: Path, out: Path, seed: int, wording: Wording, progress: Progress
) -> tuple[list[dict[str, object]], dict[str, int]]:
    from workflow.intake.llm_client import LlmClient, LlmEndpoint, api_key_from

    if not wording.url or not wording.model:
        raise UsageError("medversa puts questions into words with a language model: give --llm-url and --llm-model")
    mcqs = read_mcqs(source, cop_base=wording.cop_base)
    templates = Templates.read(wording.templates) if wording.templates else Templates()
    endpoint = LlmEndpoint(
        wording.url,
        wording.model,
        allow_private=wording.allow_private,
        max_calls=wording.max_calls,
        max_tokens=wording.max_calls * 4096,
        max_reply_tokens=1024,
    )
    replies = wording.cache or out.with_name(f"{out.name}.replies")
    cache = ReplyCache(replies, wording.model)
    with _replies_kept(replies), LlmClient(endpoint, api_key=api_key_from(os.environ)) as client:
        built = build_medversa(
            mcqs,
            client.ask_text,
            cache,
            count=wording.count,
            seed=seed,
            templates=templates,
            at_once=wording.at_once,
            progress=progress,
        )
    return built.bodies, dict(built.dropped)


@contextmanager
def _replies_kept(replies: Path) -> Iterator[None]:
    """Say how an interrupted build goes on."""
    from workflow.intake.llm_budget import LlmUnusableError

    try:
        yield
    except (LlmUnusableError, KeyboardInterrupt):
        if replies.exists():
            note(f"what was answered so far is kept in {replies}: the same command goes on there")
        raise


def build_synthetic_file(out: Path, *, part: str, seed: int, count: int) -> list[str]:
    """Write invented facts to train on; equal arguments give equal bytes.

    Returns:
        what was built, in a few lines.

    Raises:
        UsageError: no such part.
        DataError: more facts than a part holds, or the file cannot be written.
    """
    from editor_engine.datasets.synthetic.builder import build_synthetic, summary
    from editor_engine.datasets.synthetic.material import Part

    if part not in list(Part):
        raise UsageError(f"--part: expected {', '.join(Part)}, got {part}")
    records = build_synthetic(seed=seed, count=count, part=Part(part))
    write_text(out, json.dumps(synthetic_body(records), ensure_ascii=False, indent=1) + "\n")
    return summary(records)
