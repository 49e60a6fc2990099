"""``data build`` and ``data report`` through the command line, with a language model on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.workflow.cli.running import Run
from workflow.demo.loopback_server import LoopbackServer
from workflow.errors import ExitCode


class _Wording(BaseHTTPRequestHandler):
    """Answers every request with a question made of the phrase in it; after ``left`` requests with a status of 500."""

    left = 1_000_000

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = request["messages"][-1]["content"]
        assert "response_format" not in request
        type(self).left -= 1
        phrase = next(line for line in text.splitlines() if line.startswith(("Phrase:", "Question:"))).split(": ", 1)[1]
        said = f"What is the {phrase}?" if "Phrase:" in text else f"Please name it: {phrase}"
        body = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}
        raw = json.dumps(body).encode()
        self.send_response(200 if self.left >= 0 else 500)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    _Wording.left = 1_000_000
    server = LoopbackServer(_Wording)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mcqs(tmp_path: Path) -> Path:
    path = tmp_path / "mcq.json"
    bodies = [
        {
            "id": f"q{number}",
            "question": f"cause of sign {number}",
            **{f"op{letter}": f"thing {letter}{number}" for letter in "abcd"},
            "cop": number % 4,
            "subject_name": "ENT",
            "topic_name": None,
        }
        for number in range(10)
    ]
    path.write_text(json.dumps(bodies))
    return path


def test_medversa_is_built_resumed_and_reported(run: Run, server: LoopbackServer, mcqs: Path, tmp_path: Path) -> None:
    out = tmp_path / "medversa.json"
    llm = ("--llm-url", f"{server.url}/v1", "--llm-model", "scripted", "--llm-allow-private", "--at-once", "1")
    build = ("data", "build", "medversa", str(mcqs), "--out", str(out), *llm)
    _Wording.left = 4
    ran = run(*build)
    assert ran.code == ExitCode.LLM_UNUSABLE, ran.err
    assert f"kept in {out}.replies: the same command goes on there" in ran.err
    assert not out.exists()
    _Wording.left = 11  # ten questions, five of them rephrased; four are known
    ran = run(*build, "--json", "--duplicates", str(tmp_path / "duplicates.json"))
    assert ran.code == 0, ran.err
    assert _Wording.left == 0
    report = json.loads(ran.out)
    assert (report["records"], report["same_subject_localities"], report["subjects"]) == (5, 5, {"ENT": 10})
    records = json.loads(out.read_text())
    assert {record["prompt"] for record in records}.isdisjoint(record["locality_prompt"] for record in records)
    assert json.loads((tmp_path / "duplicates.json").read_text())["rule"] == report["rule"]
    before = out.read_bytes()
    assert run(*build).code == 0
    assert out.read_bytes() == before


def test_a_report_reads_what_a_build_wrote(run: Run, tmp_path: Path) -> None:
    slots = ("target", "mapping", "struc", "tokenSem")
    body = {
        "prompt": "What does X treat?",
        "rephrase_prompt": "r",
        "target_new": "a",
        "ground_truth": "b",
        "subject": "X",
        **{f"locality_{slot}_prompt": f"{slot}?" for slot in slots},
        **{f"locality_{slot}_ground_truth": "c" for slot in slots},
    }
    source, out = tmp_path / "medcf.json", tmp_path / "out.json"
    source.write_text(json.dumps([body, {**body, "locality_struc_prompt": "What does X treat?"}]))
    ran = run("data", "build", "medcf++", str(source), "--out", str(out), "--report", str(tmp_path / "report.md"))
    assert ran.code == 0, ran.err
    assert json.loads(out.read_text()) == [body]
    assert (tmp_path / "report.md").read_text().strip() in ran.out
    ran = run("data", "report", str(out), "--json", "--against", str(source))
    assert json.loads(ran.out)["overlaps"]["prompts_in_other_files"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("medcf+++",), ExitCode.USAGE, "expected one of medcf++, medcf++-strict"),
        (("medversa",), ExitCode.USAGE, "give --llm-url and --llm-model"),
        (("medcf++",), ExitCode.FAILED, "record 1: field target_new: expected a text, got nothing"),
    ],
)
def test_what_cannot_be_built_is_told_and_nothing_is_written(
    run: Run, mcqs: Path, tmp_path: Path, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    out = tmp_path / "out.json"
    ran = run("data", "build", *arguments, str(mcqs), "--out", str(out))
    assert ran.code == code
    assert told in ran.err
    assert not out.exists()
