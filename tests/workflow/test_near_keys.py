"""A candidate is shown beside what asks nearly the same: other open candidates, nearest first."""

from __future__ import annotations

from pathlib import Path

from tests.workflow.change_control.made_batches import approve, make_candidate
from workflow.engine_seam import make_edit
from workflow.near_keys import near_keys
from workflow.records import CandidateState
from workflow.site import Site
from workflow.workbench import Workbench


def test_open_candidates_that_ask_nearly_the_same_are_named_nearest_first(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    ledger = site.open_ledger()
    dose = make_candidate("tavorine")
    women = make_candidate(
        "tavorine",
        "2 mg",
        question="What is the recommended dose of tavorine for women?",
        qualifiers={"population": "women"},
    )
    most = make_candidate(
        "tavorine", "40 mg", relation="max_daily_dose", question="What is the maximum daily dose of tavorine?"
    )
    rival = make_candidate("tavorine", "7 mg")
    gone = make_candidate("tavorine", "9 mg", relation="usual_dose")
    far = make_candidate("panvorol", "gout", relation="indicated_for", question="Which condition does panvorol treat?")
    for one in (dose, women, most, rival, far):
        approve(ledger, one, CandidateState.PENDING)
    approve(ledger, gone, CandidateState.REJECTED)
    ledger.close()
    bench = Workbench.open(site)
    try:
        with near_keys(bench) as search:
            lines = search(bench.editor.rows([make_edit(dose)], sequence=1)[0])
    finally:
        bench.ledger.close()
    assert [line.split()[1] for line in lines] == [women.candidate_id, most.candidate_id]
    assert "asks nearly the same (tavorine, recommended_dose): 2 mg (similarity 0." in lines[0]
