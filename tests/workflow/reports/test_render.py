"""The night report's three forms, and that no outside text comes to life in any of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.reports.made_reports import HOSTILE, PLAIN, full_report
from workflow.errors import ExitCode
from workflow.reports.night_report import NightReport
from workflow.reports.render import exit_words, render_html, render_json, render_markdown, write_report


class Elements(HTMLParser):
    """Collects the elements of a page and their attributes."""

    def __init__(self) -> None:
        """Collect nothing yet."""
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember one element."""
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


def elements(page: str) -> Elements:
    """Parse a page."""
    found = Elements()
    found.feed(page)
    return found


def test_every_form_tells_the_whole_night() -> None:
    report = full_report()
    for page in (render_markdown(report), render_html(report)):
        for words in (
            PLAIN,
            "b0001",
            "medrek-flow promote b0001",
            "openfda",
            "release 3",
            "14 (held",
            "cd" * 32,
            "c-9",
        ):
            assert words in page


def test_hostile_text_makes_no_element_and_no_attribute() -> None:
    plain, hostile = elements(render_html(full_report())), elements(render_html(full_report(HOSTILE)))
    assert hostile.names == plain.names
    assert hostile.attributes == plain.attributes
    assert "script" not in hostile.names


def test_a_page_loads_nothing_from_outside() -> None:
    page = render_html(full_report())
    assert "default-src 'none'" in page
    assert {"script", "link", "img", "iframe"}.isdisjoint(elements(page).names)


@pytest.mark.parametrize("render", [render_markdown, render_html, render_json])
def test_no_control_or_hidden_character_is_left(render: object) -> None:
    assert callable(render)
    page = render(full_report(HOSTILE))
    for character in ("\x1b", "\u202e", "\u200b"):
        assert character not in page


def test_markdown_of_hostile_text_is_escaped() -> None:
    page = render_markdown(full_report(HOSTILE))
    for live in (r"<script", r"\[a link", r"!\[i", r"\*\*bold", r"\n# heading", r"\n- item", r"`code", r"&amp;"):
        assert not re.search(rf"(?<!\\){live}", page), live
    assert "https://evil" not in page
    assert "{{ 7 * 7 }}" not in page
    assert "49" not in page


@given(st.text(max_size=60))
def test_no_text_breaks_a_row_of_a_table(text: str) -> None:
    plain = render_markdown(full_report("x")).splitlines()
    page = render_markdown(full_report(text or "x")).splitlines()
    assert len(page) == len(plain)
    for ours, theirs in zip(plain, page, strict=True):
        if ours.startswith("|"):
            assert theirs.replace("\\|", "").count("|") == ours.count("|")


def test_json_is_the_record_with_schema_and_version() -> None:
    report = full_report(HOSTILE)
    body = json.loads(render_json(report))
    assert (body.pop("schema"), body.pop("version")) == ("medrek-flow.night", 1)
    assert NightReport.model_validate(body, strict=False) == report


def test_an_empty_night_reads_well() -> None:
    page = render_markdown(NightReport(run_id="r1", now="2026-03-09T02:00:00Z"))
    assert "no changes" in page
    assert "Embedded rules only" in page
    assert "\n\n\n" not in page


def test_files_are_named_after_the_run(tmp_path: Path) -> None:
    written = write_report(full_report(), tmp_path / "reports")
    assert [path.name for path in written] == [f"night-r20260309-1{end}" for end in (".md", ".html", ".json")]
    assert sorted((tmp_path / "reports").iterdir()) == sorted(written)


def test_a_run_id_never_becomes_a_path(tmp_path: Path) -> None:
    report = full_report().model_copy(update={"run_id": "../../etc/passwd"})
    written = write_report(report, tmp_path / "reports")
    assert all(path.parent == tmp_path / "reports" for path in written)


def test_every_exit_code_has_words() -> None:
    assert all(exit_words(code) != "unknown" for code in ExitCode)
    assert exit_words(99) == "unknown"
