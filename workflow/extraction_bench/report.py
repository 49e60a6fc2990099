"""The numbers of a run as one object, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflow.extraction_bench.bounds import Rate, Score
from workflow.extraction_bench.run import Ran

_MOST_REASONS = 20


def as_object(ran: Ran, facts: Mapping[str, object]) -> dict[str, object]:
    """Give everything that was measured, ready for JSON."""
    tally = ran.tally
    return {
        **facts,
        "cases": tally.cases,
        "documents": ran.documents,
        "seconds": round(ran.seconds, 2),
        "cases_per_minute": round(ran.cases_per_minute, 1),
        "facts": tally.facts,
        "standing": tally.standing,
        "attention": tally.attention,
        "reviewer_load": tally.reviewer_load,
        "scores": [score_object(one) for one in tally.scores],
        "rates": [rate_object(one) for one in tally.rates],
        "refused": dict(tally.refused.most_common(_MOST_REASONS)),
    }


def score_object(one: Score) -> dict[str, object]:
    """Give a score with its counts."""
    return {
        "name": one.name,
        "precision": round(one.precision, 4),
        "recall": round(one.recall, 4),
        "f1": round(one.f1, 4),
        "low": round(one.low, 4),
        "high": round(one.high, 4),
        "right": one.right,
        "wrong": one.wrong,
        "missed": one.missed,
    }


def rate_object(one: Rate) -> dict[str, object]:
    """Give a share with its counts; null where nothing was counted."""
    low, high = one.bounds
    share = one.share
    return {
        "name": one.name,
        "hits": one.hits,
        "of": one.of,
        "share": None if share is None else round(share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "aim": one.aim,
    }


def score_rows(scores: Sequence[Score]) -> list[tuple[str, str, str, str, str]]:
    """Give lines of a table: name, precision, recall, F1 with its interval, counts."""
    return [
        (
            one.name,
            f"{one.precision:.3f}",
            f"{one.recall:.3f}",
            f"{one.f1:.3f} ({one.low:.3f} to {one.high:.3f})",
            f"{one.right} right, {one.wrong} wrong, {one.missed} missed",
        )
        for one in scores
    ]


def rate_rows(rates: Sequence[Rate]) -> list[tuple[str, str, str, str]]:
    """Give lines of a table: name, count, share with its interval, aim; nothing counted is a dash."""
    rows = []
    for one in rates:
        low, high = one.bounds
        share = "-" if one.share is None else f"{one.share:.1%} ({low:.1%} to {high:.1%})"
        rows.append((one.name, f"{one.hits} of {one.of}", share, one.aim))
    return rows


def as_markdown(ran: Ran, facts: Mapping[str, object]) -> str:
    """Give the report as a page."""
    tally = ran.tally
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines.append(f"- {tally.cases} cases of {ran.documents} documents, {ran.cases_per_minute:.0f} a minute")
    load = "-" if tally.reviewer_load is None else f"{tally.reviewer_load:.2f}"
    lines.append(
        f"- {tally.standing} facts shown, {tally.attention} of them for attention; shown for each right one: {load}"
    )
    page = ["# Extraction against annotated text", "", *lines, ""]
    if tally.scores:
        page += _markdown(
            ("score", "precision", "recall", "F1 (95 %, by document)", "counts"), score_rows(tally.scores)
        )
    page += _markdown(("share", "count", "share (95 %, Wilson)", "aim"), rate_rows(tally.rates))
    if tally.refused:
        rows = [(reason, str(count)) for reason, count in tally.refused.most_common(_MOST_REASONS)]
        page += _markdown(("refused because", "times"), rows)
    return "\n".join(page)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    table = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return [*table, *(f"| {' | '.join(row)} |" for row in rows), ""]
