"""A trace as a person reads it: from the edit down to the bytes, each proof with its mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow.cli.output import fields, say

if TYPE_CHECKING:
    from workflow.trace import Proof, Trace, TracedQuote


def show_trace(trace: Trace) -> None:
    """Print one trace to stdout."""
    head = f"edit {trace.edit_id}" if trace.edit_id else f"candidate {trace.candidate_id} (no edit yet)"
    say(head, style="bold")
    fields(
        (
            ("question", trace.question),
            ("answer now" if trace.live else "answer with it", trace.object_new),
            ("answer before", trace.object_old or "not on record"),
            ("fact", ", ".join((trace.subject, trace.relation, *(f"{k}={v}" for k, v in trace.qualifiers)))),
            ("in force", _in_force(trace)),
            ("candidate", f"{trace.candidate_id} ({trace.candidate_state}), proposed by {trace.extractor}"),
        )
    )
    if trace.fixed_from:
        say(f"fixed by a reviewer from candidate {trace.fixed_from}")
    if trace.rehearsed_value:
        say(f"value that was rehearsed and staged: sha256 {trace.rehearsed_value}")
    _show_proofs(trace.proofs)
    _show_signatures(trace)
    for quote in trace.quotes:
        _show_quote(quote)
    words = (
        ("every sha256 was computed again and holds", "green") if trace.whole else ("the record is DAMAGED", "bold red")
    )
    say(f"{words[0]}\n", style=words[1])


def _in_force(trace: Trace) -> str:
    if trace.live:
        return f"now, since release {trace.releases[0]} (batch {trace.batch_id}, carrier {trace.carrier})"
    if trace.releases:
        span = f"{trace.releases[0]} to {trace.releases[-1]}"
        return f"no longer; it was in releases {span} (batch {trace.batch_id}, carrier {trace.carrier})"
    return f"never yet; {trace.edit_state or trace.candidate_state}"


def _show_signatures(trace: Trace) -> None:
    if not trace.signatures:
        say("signatures: none")
    for signature in trace.signatures:
        script = " (a script, on a demo site)" if signature.scripted else ""
        who = f"{signature.signer_name} ({signature.reviewer_id}){script}"
        say(f"signed {signature.signed_at} by {who}: {signature.verdict}")
        say(f"  meaning: {signature.meaning}")
        if signature.reason:
            say(f"  reason: {signature.reason}")
        say(f"  what was shown: sha256 {signature.shown_sha256}")


def _show_quote(quote: TracedQuote) -> None:
    say(f'{quote.role}: "{quote.quote}"', style="cyan")
    fields(
        (
            ("  notice", quote.notice),
            ("  section", quote.section or "none"),
            ("  source", f"{quote.source}, version {quote.version}"),
            ("  received", f"{quote.fetched_at.replace('+00:00', 'Z')} from {quote.origin}"),
            ("  text by", quote.extractor),
            ("  raw bytes", quote.raw_path),
        )
    )
    _show_proofs(quote.proofs, indent="  ")


def _show_proofs(proofs: tuple[Proof, ...], *, indent: str = "") -> None:
    for proof in proofs:
        mark, style = ("ok  ", "") if proof.ok else ("BAD ", "bold red")
        say(f"{indent}{mark} {proof.what}: {proof.detail}", style=style)
