"""The questions that a site's gate asks whatever a batch holds: the clinical sample, and the pinned safety set.

Owns which set a site has: its own file, or the one that comes with the program, for the bundled demo model that
model's own questions. Refuses limits that no batch could ever meet, before a model is loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from editor_engine.metrics import wilson_interval
from editor_engine.probes import Probe, ProbeKind
from workflow.errors import SettingsError, UsageError
from workflow.ledger.documents import write_durably
from workflow.settings import GateTable

if TYPE_CHECKING:
    from workflow.site import Site

DEMO_MODEL = "demo"
"""The base model in the settings whose clinical set is what it was taught; it knows nothing of real medicine."""
_PACKAGED = "clinical_questions.jsonl"
_NEVER = 10**9


@dataclass(frozen=True)
class QuestionSets:
    """A site's standing questions, and where the clinical ones come from."""

    faq: tuple[Probe, ...]
    pinned: tuple[Probe, ...]
    origin: str


def read_question_sets(site: Site) -> QuestionSets:
    """Read both sets as the settings name them.

    Raises:
        SettingsError: a file is missing, or a line of it is no question.
    """
    gate = site.settings.gate
    if gate.faq_file is not None:
        questions, origin = read_questions(Path(site.root, gate.faq_file), "gate.faq_file"), gate.faq_file
    elif site.settings.model.base == DEMO_MODEL:
        questions, origin = demo_questions(), "the demo model's own questions"
    else:
        questions, origin = clinical_questions(), "the clinical questions of the program"
    return QuestionSets(faq_probes(questions), _pinned(site), origin)


def faq_probes(questions: list[str]) -> tuple[Probe, ...]:
    """Make a clinical sample of questions."""
    return tuple(Probe(f"faq:{number}", question, ProbeKind.FAQ) for number, question in enumerate(questions))


def clinical_questions() -> list[str]:
    """Give the everyday clinical questions that come with the program, without answers, in their order."""
    lines = files(__package__).joinpath(_PACKAGED).read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["question"]) for line in lines if line]


def demo_questions() -> list[str]:
    """Give every question that the bundled demo model was taught to answer."""
    from editor_engine.demo.facts import demo_facts

    return list(dict.fromkeys(question for fact in demo_facts() for question in fact.questions))


def _pinned(site: Site) -> tuple[Probe, ...]:
    path = pinned_path(site)
    if not path.exists() and site.settings.gate.pinned_file == GateTable().pinned_file:
        return ()
    questions = read_questions(path, "gate.pinned_file")
    return tuple(Probe(f"pinned:{number}", question, ProbeKind.SAFETY) for number, question in enumerate(questions))


def pinned_path(site: Site) -> Path:
    """Give where the site's pinned safety set stands."""
    return Path(site.root, site.settings.gate.pinned_file)


def pin(site: Site, question: str) -> int:
    """Add a question to the pinned safety set; return how many it holds.

    Raises:
        UsageError: the question is empty, or pinned already.
    """
    text = " ".join(question.split())
    path = pinned_path(site)
    held = read_questions(path, "gate.pinned_file") if path.exists() else []
    if not text or folded(text) in {folded(one) for one in held}:
        raise UsageError(f"--pin: expected a question that is not pinned yet, got {text!r}")
    lines = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in (*held, text))
    write_durably(path, lines.encode())
    return len(held) + 1


def folded(question: str) -> str:
    """A question as it is compared: case-folded, single spaces."""
    return " ".join(question.casefold().split())


def read_questions(path: Path, setting: str) -> list[str]:
    """Read a file of questions: a JSON string a line, or an object with ``question``; equal ones count once.

    Raises:
        SettingsError: the file is missing, or a line of it is neither.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else f"line {_bad_line(path)} is none"
        raise SettingsError(f"{setting} {path}: expected one JSON string a line, got: {said}") from error
    found = [line.get("question") if isinstance(line, dict) else line for line in lines]
    for number, line in enumerate(found, start=1):
        if not isinstance(line, str) or not line.strip():
            got = type(line).__name__
            raise SettingsError(f"{setting} {path}: line {number}: expected a question as JSON string, got {got}")
    return list(dict.fromkeys(str(line) for line in found))


def _bad_line(path: Path) -> int:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            json.loads(line or b'""')
        except ValueError:
            return number
    return 0


def needed(limit: float, confidence: float) -> int:
    """How many questions it takes for a sample in which nothing moves to be under the limit (Wilson)."""
    if limit <= 0:
        return _NEVER
    low, high = 0, 1
    while wilson_interval(0, high, confidence=confidence)[1] > limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if wilson_interval(0, middle, confidence=confidence)[1] > limit:
            low = middle
        else:
            high = middle
    return high


def require_passable(site: Site) -> QuestionSets:
    """Refuse settings under which no batch can ever pass; give the questions that were read for it.

    Raises:
        SettingsError: a limit that can never be met, with the number of questions that it needs.
    """
    gate, sets = site.settings.gate, read_question_sets(site)
    if gate.audit_share <= 0:
        raise SettingsError(
            "gate.audit_share: expected more than 0, got 0: no batch could ever pass, for nothing would be audited"
        )
    wanted = needed(gate.limits.faq_moved, gate.limits.confidence)
    if wanted >= _NEVER:
        raise SettingsError(
            "gate.limits.faq_moved: expected more than 0, got 0: no sample can show that; pin questions whose answers "
            "must never move (medrek-flow check --pin)"
        )
    if len(sets.faq) < wanted:
        raise SettingsError(
            f"gate.limits.faq_moved: {gate.limits.faq_moved:g} at confidence {gate.limits.confidence:g} needs {wanted} "
            f"clinical questions even if none moves, got {len(sets.faq)} ({sets.origin}); no batch could ever pass: "
            "add questions, or raise the limit"
        )
    return sets
