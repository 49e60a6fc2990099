"""``sources notices``: what is on record, by what it is, what it is called and what it says."""

from __future__ import annotations

import json

from sqlalchemy import insert

from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run
from workflow.ledger import tables


def listed(run: Run, *options: str) -> list[dict[str, object]]:
    """The notices that the command lists."""
    body: dict[str, list[dict[str, object]]] = json.loads(run("sources", "notices", *options, "--json").out)
    return body["notices"]


def test_notices_are_found_by_identifier_and_by_what_they_assert(run: Run, world: World) -> None:
    ledger = world.site.open_ledger()
    with ledger.write() as transaction:
        named = {"notice_id": "n-1", "role": "self", "scheme": "pmid", "value": "90000011"}
        transaction.execute(insert(tables.notice_identifiers).values(**named))
    assert [line["notice_id"] for line in listed(run, "--search", "90000011")] == ["n-1"]
    assert listed(run, "--search", "90000099") == []
    assert listed(run, "--asserting") == []
    with ledger.write() as transaction:
        transaction.execute(
            insert(tables.assertions).values(
                assertion_id="a-1",
                notice_id="n-1",
                kind="retracts",
                by_identifiers='[["pmid", "90000011"]]',
                target_identifiers='[["doi", "10.5555/x"]]',
                note="",
            )
        )
    ledger.close()
    (line,) = listed(run, "--asserting")
    assert line["assertions"] == [{"kind": "retracts", "by": ["pmid:90000011"], "target": ["doi:10.5555/x"]}]
    assert "retracts doi:10.5555/x" in run("sources", "notices").out.replace("\n", " ")
