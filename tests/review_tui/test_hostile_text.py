"""Text that tries to act, in every field that a screen shows: it is shown, and nothing happens."""

from __future__ import annotations

import pytest

from review_tui.errors import DeskUnavailableError
from review_tui.protocol import (
    CandidateView,
    EvidenceView,
    HistoryLine,
    MovedAnswer,
    OutcomeLine,
    RehearsalView,
    RehearsedAnswer,
    Reviewer,
    Risk,
    SignerProfile,
    Summary,
)
from review_tui.safe_text import clean
from tests.review_tui.memory_desk import NOW, PIN, MemoryDesk, candidate
from tests.review_tui.sittings import SIZES, Seat, seated

SHORT = {
    "closing tag": "dose [/] 5 mg",
    "bold close": "dose [/b] 5 mg",
    "click action": "[@click=app.quit]press[/]",
    "open bracket": "range [b + x",
    "backslash": "x\\[b]",
    "variable": "$error [$primary]",
    "osc 52": "\x1b]52;c;aGFja2Vk\x07",
    "title": "\x1b]0;owned\x1b\\",
    "csi": "\x1b[2J\x1b[H",
    "c1": "\x9b31mred\x9d0;t\x9c",
    "bidi": "\u202egm 5\u202c \u2066x\u2069",
    "zero width": "5\u200b0 \ufeffmg",
    "tags": "ok\U000e0041\U000e0042",
    "nul": "a\x00b\x08c\x7f",
    "surrogate": "lone \ud800 \udfff",
    "wide": "薬" * 90 + "👩‍⚕️",
    "combining": "e" + "\u0301" * 300,
    "empty": "",
}
LONG = {"long line": "y" * 200_000, "many lines": "z\n" * 3_000, "long word": "[@click=app.quit]" * 9_000}


def everywhere(text: str, number: int = 0) -> CandidateView:
    """Make a candidate with the text in every field."""
    evidence = EvidenceView(
        context=text + text, quote_start=0, quote_end=len(text), role=text, section=text,
        source_title=text, source_date=text, kind=text, url=text,
    )  # fmt: skip
    rehearsal = RehearsalView(
        carrier=text,
        answers=(RehearsedAnswer(text, text, text, takes=False),),
        moves=(MovedAnswer(text, text, text, text),),
        already_says=True,
        takes=False,
    )
    return candidate(
        number, risk=Risk.HIGH, subject=text, relation=text, qualifiers=((text, text),), object_old=text,
        object_new=text + "!", object_old_origin=text, question=text, paraphrases=(text,), evidence=(evidence,),
        rehearsal=rehearsal, flags=(text,), conflicts=(text,), history=(HistoryLine(NOW, text, text, text),),
        signed_by=(text,), extractor=text, change_kind=text, withdraws=text, required_signatures=2,
    )  # fmt: skip


class HostileDesk(MemoryDesk):
    """Says hostile text wherever a desk may say something itself."""

    text = ""

    def summary(self) -> Summary:
        return Summary(1, 1, 1, 1, (OutcomeLine(1, self.text),), (self.text,), (self.text,))


def hostile_desk(texts: list[str]) -> HostileDesk:
    desk = HostileDesk([everywhere(text, number) for number, text in enumerate(texts)])
    desk.text = "  ".join(texts)[:5_000]
    desk.reviewer = Reviewer(texts[0], texts[0], True, "demo", SignerProfile.TWO_SIGNERS)
    return desk


def beginning(text: str) -> str:
    return clean(text).strip().split("\n")[0][:5]


async def look(seat: Seat) -> None:
    """Scroll until every quote was on the screen, so that the deciding keys wake."""
    await seat.press("g")
    for _ in range(400):
        if "d defer)" not in seat.text():
            return
        await seat.press("space")
    raise AssertionError(f"the quote never came:\n{seat.text()}")


async def walk_through(desk: HostileDesk, texts: list[str], size: tuple[int, int]) -> None:
    """Show every text on every screen and in every modal, let the desk answer with it, and go on."""

    def refuse(method: str) -> None:
        if method == "mark":
            raise DeskUnavailableError(desk.text)

    async with seated(desk, size) as seat:
        assert beginning(texts[0]) in seat.text()
        await seat.press("enter")
        await seat.shows("old → new")
        await seat.until(lambda: sum(line[2:8] == "▲ HIGH" for line in seat.text().split("\n")) >= min(len(texts), 12))
        await seat.press("enter")
        for number, text in enumerate(texts):
            await seat.shows(f" · {number + 1} of {len(texts)} · ")
            await seat.until(lambda text=text: beginning(text) in seat.text())  # type: ignore[misc]
            await look(seat)
            await seat.press("G", "e")
            await seat.shows("what you change")
            await seat.press("escape", "n")
        await look(seat)
        desk.before_call = refuse
        await seat.press("r")
        await seat.shows("Why reject?")
        await seat.press("1")
        await seat.shows("NOT SAVED")
        await seat.press("ctrl+q")
        await seat.shows("would be lost")
        await seat.press("escape")
        desk.before_call = lambda method: None
        await seat.press("S")
        await seat.shows("Sign 1 mark")
        await seat.type(PIN)
        await seat.press("enter")
        await seat.shows("1 decision signed")
        await seat.press("question_mark", "escape", "escape", "9")
        seat.app.notify(desk.text, title=desk.text)
        await seat.shows("[9 Rejected 1]")
        assert not any(character < " " for line in seat.text().split("\n") for character in line)
        assert seat.app.is_running


@pytest.mark.parametrize("size", SIZES)
async def test_short_hostile_text_is_shown_on_every_screen_and_nothing_happens(size: tuple[int, int]) -> None:
    texts = list(SHORT.values())
    await walk_through(hostile_desk(texts), texts, size)


@pytest.mark.parametrize("name", LONG)
async def test_very_long_text_is_shown_in_part_and_the_rest_is_told(name: str) -> None:
    desk = hostile_desk([LONG[name]])
    await walk_through(desk, [LONG[name]], (80, 24))


async def test_a_text_that_is_too_long_to_read_is_warned_of_above_the_evidence() -> None:
    async with seated(hostile_desk([LONG["long line"]]), (140, 40)) as seat:
        await seat.press("enter")
        await seat.shows("HIGH")
        await seat.press("enter")
        await seat.shows("THE FACT")
        await seat.shows("A text here is too long")
