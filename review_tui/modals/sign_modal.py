"""One signature a sitting: lists what was marked, takes one PIN, shows what became of every mark.

It closes by itself where all was signed; where something was refused, or was false on purpose, it stays to be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.errors import DeskError
from review_tui.keymap import bindings
from review_tui.protocol import MarkedRow, Reviewer, Risk, SignResult, Verdict
from review_tui.safe_text import content, line_content
from review_tui.verdict_guard import VerdictGuard
from review_tui.widgets.reflowed import Reflowed
from review_tui.words import (
    ACTION_WORD,
    RISK_LABEL,
    RISK_STYLE,
    VERDICT_GLYPH,
    VERDICT_STYLE,
    VERDICT_WORD,
    counted,
    fact_name,
)

_MARKS_IN_SIGHT = 3
_INDENT = 8

SignCall = Callable[[str], Awaitable[SignResult]]


class SignModal(ModalScreen[SignResult | None]):
    """Answers with the desk's result, or None where nothing was signed. Cannot be left while the desk signs."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.SIGN))

    def __init__(
        self,
        reviewer: Reviewer,
        marks: Sequence[MarkedRow],
        sign: SignCall,
        guard: VerdictGuard,
        not_saved: int,
    ) -> None:
        """List the marks; ``sign`` gives the PIN to the desk for exactly these."""
        super().__init__()
        self._reviewer = reviewer
        self._marks = tuple(marks)
        self._sign = sign
        self._guard = guard
        self._not_saved = not_saved
        self._result: SignResult | None = None
        self._busy = False
        self._lines = Reflowed(id="marks")
        self._lines.show(partial(_marks_content, self._marks))
        self._list = VerticalScroll(classes="list", can_focus=False)
        self._pin = Input(password=True, id="pin", placeholder="PIN", max_length=64)
        self._told = Static(Content(""), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out who signs, the marks, the PIN, and how to go on."""
        who = self._reviewer
        with Vertical(classes="box"):
            title = f"Sign {counted(len(self._marks), 'mark')} as {who.name}, {who.role}"
            yield Static(line_content(title, "bold $text-primary"))
            if self._not_saved:
                lost = f"! {counted(self._not_saved, 'mark')} could not be saved and will not be signed."
                yield Static(content(lost, "bold $text-error"))
            with self._list:
                yield self._lines
            if who.needs_pin:
                yield self._pin
            yield self._told

    def on_mount(self) -> None:
        """Ask for the PIN, or for the key that signs without one."""
        self._guard.shown()
        self._ask("PIN, then enter: signs" if self._reviewer.needs_pin else "S signs")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Sign with the PIN."""
        event.stop()
        if self._result is not None:
            self.action_back()
        elif not event.value:
            self._ask("! The PIN is empty. PIN, then enter: signs")
        else:
            self._start(event.value)

    def action_sign_without_pin(self) -> None:
        """Sign on a desk that asks for no PIN; a held key does not count."""
        if self._reviewer.needs_pin or self._result is not None or not self._guard.admits():
            return
        self._start("")

    def action_scroll(self, lines: int) -> None:
        """Scroll the list of marks."""
        self._list.scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Close, with the result if there is one."""
        if not self._busy:
            self.dismiss(self._result)

    def _start(self, pin: str) -> None:
        if self._busy:
            return
        self._busy = True
        self._pin.value = ""
        self._told.update(Content("· signing …"))
        self._signing(pin)

    @work(group="sign", description="sign")
    async def _signing(self, pin: str) -> None:
        try:
            result = await self._sign(pin)
        except DeskError as error:
            self._ask(f"✗ Nothing was signed: {error}")
        except Exception as error:  # noqa: BLE001 - the marks stay on the desk, whatever broke
            self._ask(f"✗ The signature could not be saved ({type(error).__name__}). The marks are kept.")
        else:
            self._take(result)
        finally:
            self._busy = False

    def _take(self, result: SignResult) -> None:
        if result.pin_refused is not None:
            self._ask(f"✗ {result.pin_refused}")
            return
        self._result = result
        if not result.refused and not result.revealed:
            self.dismiss(result)  # all is signed; the page says so
            return
        self._lines.show(lambda _: _result_content(result, self._marks))
        self._pin.display = False
        self.set_focus(None)
        self._told.update(Content("esc back to the desk"))

    def _ask(self, words: str) -> None:
        scroll = "   ↑ ↓ scroll the list" if len(self._marks) > _MARKS_IN_SIGHT else ""
        self._told.update(line_content(words, "bold") + Content(f"{scroll}   esc back, nothing signed"))


def _name(mark: MarkedRow) -> str:
    return fact_name(mark.subject, mark.qualifiers, mark.relation)


def _marks_content(marks: Sequence[MarkedRow], width: int) -> Content:
    return Content("\n").join([_mark_content(mark, width) for mark in marks])


def _mark_content(mark: MarkedRow, width: int) -> Content:
    glyph_word = f"{VERDICT_GLYPH[mark.verdict]} {VERDICT_WORD[mark.verdict]:<15} "
    quote = Content("quote seen") if mark.quote_seen else Content("QUOTE NOT SEEN").stylize("bold reverse")
    kind = "" if mark.verdict in {Verdict.REJECT, Verdict.DEFER} else f" → {mark.object_new}"
    reason = f" ({mark.reason})" if mark.reason else ""
    tier = Content(f"{RISK_LABEL[mark.risk]:<7}").stylize(RISK_STYLE[mark.risk] if mark.risk is Risk.HIGH else "")
    fact = line_content(f"{ACTION_WORD[mark.action]}: {_name(mark)}{kind}{reason}")
    head = tier + Content(glyph_word).stylize(VERDICT_STYLE[mark.verdict]) + quote
    warned = [line_content(f"! passes over: {words}", "$text-warning") for words in mark.warnings]
    until = f"until {mark.deferred_until.isoformat()}" if mark.deferred_until else ""
    after = f"signed {mark.signatures_after} after" if mark.signatures_after else ""
    told = "".join(f" · {words}" for words in (until, after) if words)
    wrapped = [line for part in (fact, *warned) for line in part.wrap(max(20, width - _INDENT))]
    return head + line_content(told) + Content("").join(Content("\n" + " " * _INDENT) + line for line in wrapped)


def _result_content(result: SignResult, marks: Sequence[MarkedRow]) -> Content:
    names = {mark.candidate_id: _name(mark) for mark in marks}
    lines = [content(f"✓ {counted(len(result.signed), 'decision')} signed.", "bold $text-success")]
    if result.refused:
        kept = f"✗ {counted(len(result.refused), 'mark')} not signed, and kept on the desk:"
        lines.append(content(kept, "bold $text-error"))
    lines += [
        line_content(f"  {names.get(refusal.candidate_id, refusal.candidate_id)}: {refusal.words}")
        for refusal in result.refused
    ]
    lines += [
        line_content(f"{'✓ You noticed' if item.noticed else '✗ You did NOT notice'}: {item.words}", "bold")
        for item in result.revealed
    ]
    return Content("\n").join(lines)
