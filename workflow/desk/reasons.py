"""The reasons that a reviewer chooses from: few and concrete, because a free text alone says nothing a year later."""

from __future__ import annotations

from review_tui import protocol as desk
from workflow.records import Verdict

REASONS: dict[Verdict, tuple[desk.ReasonCode, ...]] = {
    Verdict.REJECT: (
        desk.ReasonCode("not_in_source", "the quote does not say this"),
        desk.ReasonCode("wrong_object", "wrong value or wording, not worth fixing"),
        desk.ReasonCode("wrong_subject", "wrong drug or condition"),
        desk.ReasonCode("wrong_population", "population, route or form is wrong or missing"),
        desk.ReasonCode("outdated", "superseded by something newer"),
        desk.ReasonCode("not_for_us", "not relevant on this site"),
        desk.ReasonCode("bad_question", "the questions do not fit the fact"),
        desk.ReasonCode("moves_others", "it changes answers that must stay"),
        desk.ReasonCode("other", "other", needs_text=True),
    ),
    Verdict.DEFER: (
        desk.ReasonCode("read_source", "I want to read the whole source"),
        desk.ReasonCode("ask_colleague", "I want to ask a colleague"),
        desk.ReasonCode("await_source", "waiting for another source"),
        desk.ReasonCode("other", "other", needs_text=True),
    ),
    Verdict.CLOSE: (
        desk.ReasonCode("known", "the model says it already, well enough"),
        desk.ReasonCode("duplicate", "the same fact stands elsewhere"),
        desk.ReasonCode("not_for_us", "true, but not relevant on this site"),
        desk.ReasonCode("handled", "dealt with outside the model"),
        desk.ReasonCode("other", "other", needs_text=True),
    ),
}


def reason_words(verdict: Verdict, code: str, text: str) -> str:
    """Give a reason in words: the code's, then the reviewer's own."""
    words = {reason.code: reason.words for reason in REASONS.get(verdict, ())}.get(code, code)
    return ": ".join(filter(None, (words, text)))
