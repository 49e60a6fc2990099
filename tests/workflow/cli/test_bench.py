"""The benchmarks run, and tell what they measured; how fast a machine is decides no test."""

from __future__ import annotations

import json

from tests.workflow.cli.running import Run


def test_promotion_is_measured_on_a_signed_ledger_without_torch(run: Run) -> None:
    ran = run("bench", "promotion", "--edits", "20", "--json")
    assert ran.code == 0, ran.err
    body = json.loads(ran.out)
    assert (body["edits"], body["batch_edits"]) == (20, 10)
    assert min(body["promote_s"], body["rollback_one_s"], body["rollback_s"]) > 0


def test_light_commands_load_no_heavy_library(run: Run) -> None:
    ran = run("bench", "startup", "--runs", "1", "--json")
    assert ran.code == 0, ran.err
    assert {line["command"]: line["heavy"] for line in json.loads(ran.out)["commands"]} == {"--help": [], "status": []}
