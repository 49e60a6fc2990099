"""A gate's pages: both answers and the culprit of each failure, figures from numbers, no outside text that acts."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workflow.change_control.drift import DriftMove, DriftReport
from workflow.change_control.environment import Environment
from workflow.change_control.gate_report import Check, CheckName, Ejected, Failure, GateReport
from workflow.change_control.live_watch import CheckCount, LiveCheck, RecordedCheck
from workflow.records import GateVerdict
from workflow.reports.gate_page import (
    GatePage,
    bars_of,
    bound_of,
    render_gate_html,
    render_gate_json,
    render_gate_markdown,
    trend_line,
    write_gate_report,
)
from workflow.reports.sparkline import Dot, blocks_of, sparkline_of

HOSTILE = "<script>alert(1)</script> [x](http://evil.example) \x1b[31mred"
FAILURE = Failure(
    check=CheckName.PORTFOLIO,
    question=f"What dose? {HOSTILE}",
    kind="portfolio",
    live_answer="10 mg",
    staged_answer="5 mg",
    culprit="e-2",
)
CHECKS = (
    Check(name=CheckName.TAKES, verdict=GateVerdict.PASS, asked=4, failed=0),
    Check(name=CheckName.PORTFOLIO, verdict=GateVerdict.REFUSE, asked=200, failed=1),
    Check(name=CheckName.FAQ, verdict=GateVerdict.PASS, asked=400, failed=0, limit=0.01, bound=0.0095),
)
REPORT = GateReport(
    gate_id="g-0123456789",
    batch_id="b0002",
    base_release_id=1,
    verdict=GateVerdict.REFUSE,
    checks=CHECKS,
    failures=(FAILURE,),
    ejected=(
        Ejected(edit_id="e-3", candidate_id="c", subject="x", relation="dose", reason="moves", failures=(FAILURE,)),
    ),
    passed_edits=("e-2",),
    rounds=2,
    probes=604,
    questions_run=30,
    live_digest="a" * 64,
    staged_digest="b" * 64,
    inputs_sha256="c" * 64,
    seconds=1.5,
)
ENGINE = Environment(
    base_model="m",
    base_model_digest="d" * 64,
    encoder_digest="e" * 64,
    thresholds="{}",
    dtype="float32",
    device="cpu",
    max_new_tokens=8,
    libraries={"torch": "2.13"},
)


def live_check(number: int, moved: int) -> RecordedCheck:
    move = DriftMove(question="Why?", kind="faq", then="so", now=HOSTILE, edit_then=None, edit_now=None)
    drift = DriftReport(
        reference_id=1, asked=9, compared=9, moved=moved, moves=(move,) * moved, differences=(), drifted=moved > 0
    )
    check = LiveCheck(
        cause="nightly",
        release_id=1,
        release_digest="f" * 64,
        verdict="drift" if moved else "pass",
        checks=(CheckCount(name="takes", verdict="pass", asked=4, failed=0),),
        failing_edits=0,
        drift=drift,
        environment=ENGINE,
        gate_id=f"g-{number}",
        seconds=1.0,
    )
    return RecordedCheck(number, f"2026-11-{number:02}T02:00:00Z", check)


def page(**changes: object) -> GatePage:
    fields: dict[str, object] = {
        "report": REPORT,
        "site_name": "St. Elsewhere",
        "warnings": ("single trust domain",),
        "made_at": "2026-11-20T02:00:00Z",
        "edits": {"e-2": f"corvandine, dose: 5 mg {HOSTILE}"},
    }
    return GatePage(**{**fields, **changes})  # type: ignore[arg-type]


class Tags(HTMLParser):
    """Collects what a browser would see as elements, and whether every one that needs it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("live", [False, True])
def test_the_html_page_is_whole_and_no_outside_text_acts_in_it(live: bool) -> None:
    trend = (live_check(1, 0), live_check(2, 3))
    html = render_gate_html(page(live=trend[-1], trend=trend) if live else page())
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert "script" not in tags.seen
    assert "a" not in tags.seen
    assert "\x1b" not in html
    assert tags.seen.count("svg") == (3 if live else 2)
    assert ("polyline" in tags.seen) is live
    for words in ("10 mg", "5 mg", "e-2", "clinical questions stay", "did not run: counts as not passed"):
        assert words in html


def test_the_markdown_page_names_both_answers_and_the_culprit() -> None:
    text = render_gate_markdown(page())
    assert "<script" not in text.replace("\\<", ""), "every angle bracket is escaped"
    assert "  - before: 10 mg\n  - after: 5 mg\n  - edit: e-2 (corvandine, dose: 5 mg" in text
    assert "single trust domain" in text
    assert "| missing |" in text


def test_json_holds_the_whole_report_and_three_files_are_written(tmp_path: Path) -> None:
    written = write_gate_report(page(), tmp_path / "new")
    assert [path.name for path in written] == [
        f"gate-b0002-g-0123456789{suffix}" for suffix in (".md", ".html", ".json")
    ]
    assert GateReport.model_validate(json.loads(render_gate_json(page()))["gate"]) == REPORT
    hostile = page(report=REPORT.model_copy(update={"batch_id": "../x"}))
    assert write_gate_report(hostile, tmp_path)[0].name == "gate-unnamed.md"


def test_figures_follow_the_numbers() -> None:
    takes, portfolio, faq = bars_of(CHECKS)
    assert faq.width == 420.0
    assert portfolio.width == 210.0
    assert (takes.failed_width, portfolio.failed_width) == (0.0, 3.0)
    bound = bound_of(CHECKS)
    assert bound is not None
    assert 0.0 == bound.share_x < bound.bound_x < bound.limit_x < 420.0
    assert bound_of(CHECKS[:2]) is None
    assert trend_line([live_check(1, 0)]) is None


def test_a_sparkline_has_zero_at_the_bottom_and_the_highest_at_the_top() -> None:
    line = sparkline_of([Dot(value, "", False) for value in (0, 4, 2)])
    assert [placed.y for placed in line.dots] == [54.0, 6.0, 30.0]
    assert [placed.x for placed in line.dots] == [6.0, 210.0, 414.0]
    assert blocks_of([0, 1, 100, 0]) == "▁▂█▁"
    assert blocks_of([0, 0]) == "▁▁"
    assert blocks_of([]) == ""
