"""What is broken outside: one clear line, the right exit code, nothing half done, and the next good run goes on."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path
from typing import cast

import pytest

from tests.connectors.loopback import Answer, Asked, Loopback
from tests.end_to_end.prepared import SECOND_NIGHT, THIRD_NIGHT, WOMEN, Prepared, label
from tests.end_to_end.shell import SIGNER, Shell, assert_one_line
from workflow.demo.scripted_llm import Rule, ScriptedLlm

pytestmark = pytest.mark.slow

FOUND = {"count": "1", "retmax": "1", "retstart": "0", "querykey": "1", "webenv": "W", "idlist": ["90000099"]}
ARTICLE = b"""<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">90000099</PMID><Article>
<ArticleTitle>Retraction: a trial of corvandine.</ArticleTitle><PublicationTypeList>
<PublicationType UI="D016440">Retraction of Publication</PublicationType></PublicationTypeList></Article>
<CommentsCorrectionsList><CommentsCorrections RefType="RetractionOf"><RefSource>x</RefSource>
<PMID Version="1">90000098</PMID></CommentsCorrections></CommentsCorrectionsList>
</MedlineCitation></PubmedArticle></PubmedArticleSet>"""
PROSE = "Product: Tavorine\nKind: guideline\n\n# Advice\n\nConsider halving what the elderly had before {}.\n"


def search_and(fetched: bytes) -> Loopback:
    """PubMed that finds one record and answers a fetch with these bytes."""

    def answer(asked: Asked) -> Answer:
        found = json.dumps({"header": {}, "esearchresult": FOUND}).encode()
        return Answer(found if asked.path.endswith("esearch.fcgi") else fetched)

    return Loopback(answer)


def use_pubmed(site: Shell, url: str) -> None:
    """Switch PubMed on, at an address of this machine."""
    site.configure("sources.pubmed", base_url=url, allow_private=True, enabled=True)


def closed_port() -> int:
    """A port of this machine on which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def refused(site: Shell, code: int, *arguments: str) -> str:
    """Run a command that must be refused and change nothing of what is live; give its one line."""
    before, releases = site.live(), site.counts("releases", "release_edits")
    ended = site.run(*arguments)
    assert ended.code == code, ended
    assert site.live() == before
    assert site.counts("releases", "release_edits") == releases
    return assert_one_line(ended)


@pytest.mark.parametrize(
    ("fetched", "said"),
    [
        (b"<!DOCTYPE html><html><body>Sorry, we are down.</body></html>", "HTML page"),
        (ARTICLE[:300], "well-formed XML"),
        (b'{"error": "Invalid db name specified"}', "ERROR in the body"),
    ],
    ids=["html", "truncated", "json error"],
)
def test_a_reply_that_is_not_pubmed(prepared: Prepared, tmp_path: Path, fetched: bytes, said: str) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    with search_and(fetched) as world:
        use_pubmed(site, world.url)
        line = refused(site, 11, "night", "--now", THIRD_NIGHT, "--json")
    assert "source pubmed: efetch: expected" in line
    assert said in line
    assert "Sorry" not in line, "no word of the body"
    assert site.rows("SELECT source FROM cursors") == [("dropfolder",)], "it will be asked for these days again"
    if fetched.startswith(b"{"):
        with search_and(ARTICLE) as world:
            use_pubmed(site, world.url)
            site.night(THIRD_NIGHT)
        assert site.one("SELECT target_identifiers FROM assertions WHERE kind = 'retracts'") == '[["pmid", "90000098"]]'


def test_a_source_that_cannot_be_reached(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    use_pubmed(site, f"http://127.0.0.1:{closed_port()}")
    line = refused(site, 11, "night", "--now", THIRD_NIGHT)
    assert "got no connection" in line
    assert "the next run asks again" in line
    assert site.one("SELECT last_day FROM cursors") == "2026-11-07", "the drop folder was read"


@pytest.mark.parametrize(
    "rule",
    [Rule("", reply="Certainly! Here is your JSON: {"), Rule("", body=b"<html>proxy</html>"), Rule("", reply=[1])],
    ids=["prose", "html", "array"],
)
def test_a_language_model_that_talks_nonsense(prepared: Prepared, tmp_path: Path, rule: Rule) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.drop("tavorine.md", PROSE.format("winter"))
    site.night(SECOND_NIGHT)
    site.drop("tavorine.md", PROSE.format("summer"))
    with ScriptedLlm([rule]) as llm:
        site.configure("extraction", backend="openai", base_url=llm.base_url, model="m", allow_private=True)
        line = refused(site, 12, "night", "--now", THIRD_NIGHT, "--json")
        assert "1 document(s) wait for the next night" in line
        assert "Certainly" not in line
        assert site.counts("candidates") == {"candidates": 0}
        assert site.one("SELECT outcome FROM changes WHERE kind = 'revised'") == "waiting"
        llm.rules.clear()
        site.night(THIRD_NIGHT)
    assert site.one("SELECT outcome FROM changes WHERE kind = 'revised'") == "no_change"


def test_a_shard_with_one_wrong_bit(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    shard = site.root / "data" / "memory" / "b0001.safetensors"
    whole = shard.read_bytes()
    at = len(whole) // 2
    shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    for command in (("ask", WOMEN), ("promote", "--yes"), ("worker",)):
        line = refused(site, 15, *command)
        assert "b0001.safetensors" in line
        assert "expected sha256" in line
    site.drop("corvandine.md", label("7 mg"))
    line = refused(site, 15, "night", "--now", THIRD_NIGHT, "--json")
    assert "b0001.safetensors" in line
    assert site.one("SELECT count(*) FROM candidates WHERE state = 'proposed'") == 1, "proposed, and not rehearsed"
    found = site.run("doctor", "--quick")
    assert found.code == 15
    assert "FAIL  memory shards: b0001.safetensors" in found.out
    shard.write_bytes(whole)
    site.done("doctor", "--quick")
    site.night(THIRD_NIGHT)
    assert site.one("SELECT count(*) FROM candidates WHERE state = 'pending'") == 1
    site.done("rollback", "b0001", "--reason", "the shard was damaged once")


def test_a_damaged_memory_can_be_rolled_back(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    (site.root / "data" / "memory" / "b0001.safetensors").unlink()
    refused(site, 15, "promote", "--yes")
    site.done("rollback", "b0001", "--reason", "its shard is gone")
    assert site.live()[1] == site.one("SELECT digest FROM releases WHERE release_id = 0")
    site.done("promote", "--yes")


def test_a_base_model_that_is_not_there(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.signed, tmp_path / "site")
    site.configure("model", base=str(tmp_path / "no-such-model"))
    line = refused(site, 10, "promote", "--yes")
    assert "no-such-model" in line
    assert "check the path in the settings" in line
    site.configure("model", base="demo")
    site.done("promote", "--yes")
    assert site.live() == prepared.live.live()


def test_another_base_model_while_edits_are_in_force(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    site.configure("model", base=str(tiny_llama(tmp_path / "tiny")))
    site.drop("corvandine.md", label("7 mg"))
    for command in (("ask", WOMEN), ("night", "--now", THIRD_NIGHT)):
        line = refused(site, 10, *command)
        assert "base model: release 1 fits" in line
        assert "set the one that the release fits" in line
    site.configure("model", base="demo")
    site.night(THIRD_NIGHT)
    assert site.one("SELECT count(*) FROM candidates WHERE state = 'pending'") == 1
    assert [status for (status,) in site.rows("SELECT status FROM runs")] == ["done"] * 3


def tiny_llama(folder: Path) -> Path:
    """A causal LM with random weights and the bundled model's tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from editor_engine.demo import bundled_model

    torch.manual_seed(0)
    vocabulary = json.loads((bundled_model() / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bundled_model() / name, folder / name)
    return folder


USAGE = [
    (2, "rollback", "b0099", "--reason", "x"),
    (2, "rollback", "b0001"),
    (2, "rollback", "b0001", "--only", "e-nope", "--reason", "x"),
    (2, "promote", "b0099", "--yes"),
    (2, "promote"),
    (2, "batch", "show", "b0099"),
    (2, "trace", "e-nope"),
    (2, "queue", "decide", "c-nope", "--verdict", "approve", "--as", SIGNER),
    (2, "queue", "decide", "c-nope", "--verdict", "perhaps"),
    (2, "live", "--as-of", "yesterday"),
    (2, "night", "--now", "tomorrow"),
    (2, "night", "--only", "the-moon"),
    (2, "nihgt"),
    (2, "ask"),
    (2, "release", "show", "99"),
    (2, "stop"),
    (16, "promote", "b0001", "--yes"),
    (16, "start"),
]


def test_words_that_mean_nothing_here(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    for code, *arguments in USAGE:
        refused(site, int(code), *(str(argument) for argument in arguments))


def test_settings_that_do_not_read(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.configure("gate", audit_share=2.0)
    assert "gate.audit_share: expected" in refused(site, 10, "night", "--now", THIRD_NIGHT)
    runs = site.counts("runs")
    site.configure("gate", audit_share=0.0)
    assert "gate.audit_share: expected more than 0" in refused(site, 10, "night", "--now", THIRD_NIGHT)
    assert site.counts("runs") == runs, "no night was opened, so that no source was read for a gate that cannot pass"
    site.configure("gate", audit_share=0.05)
    site.configure("extraction", backend="openai", base_url="http://127.0.0.1:1/v1", model="m")
    assert "extraction.allow_private" in refused(site, 10, "night", "--now", THIRD_NIGHT)
    site.configure("extraction", allow_private=True, model="")
    assert "extraction.model" in refused(site, 10, "night", "--now", THIRD_NIGHT)
    site.configure("extraction", backend="rules")
    site.night(THIRD_NIGHT)


def test_a_ledger_that_is_none(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    for path in (site.root / "data").glob("ledger.sqlite*"):
        path.write_bytes(b"not a database" * 100)
    for command in (("status",), ("night", "--now", THIRD_NIGHT), ("promote", "--yes")):
        ended = site.run(*command)
        assert ended.code == 15, ended
        assert "restore it from a backup" in assert_one_line(ended)


def test_two_nights_at_once(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.drop("corvandine.md", label("5 mg"))
    first = site.start("night", "--now", SECOND_NIGHT, "--json")
    try:
        while not site.rows("SELECT 1 FROM leases WHERE until != ''"):
            assert first.code is None
            time.sleep(0.02)
        for command in (("night", "--now", SECOND_NIGHT), ("promote", "--yes")):
            assert f"held by pid {first.pid}" in refused(site, 17, *command)
        site.done("status")
    finally:
        ended = site.end(first)
    assert (ended.code, ended.err) == (0, "")
    assert len(cast(list[object], ended.json["proposed"])) == 1
    assert [status for (status,) in site.rows("SELECT status FROM runs")] == ["done", "done"]
