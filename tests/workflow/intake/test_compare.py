"""Moved, renumbered, re-ordered, re-punctuated, re-spaced and re-cased text is no change; everything else is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.notice import Section
from tests.workflow.intake.made_intake import sectioned
from workflow.intake.compare import compare
from workflow.intake.sentences import Sentence, split

BODIES = {
    "Boxed Warning": ["Complex sleep behaviour may follow any dose of corvandine.", "Stop it at once."],
    "Dosage and Administration": [
        "The recommended dose of corvandine for women is 2.5 mg once daily.",
        "The recommended dose of corvandine for men is 10 mg once daily.",
        "Do not exceed 20 mg per day in any patient.",
        "Take it before going to bed [see Warnings (5.1)].",
    ],
    "Contraindications": ["Severe liver failure.", "Corvandine is contraindicated in patients with sleep apnea."],
    "Drug Interactions": ["Do not take corvandine together with atazanavir.", "Check the INR with warfarin."],
}


def cut(text: str, sections: tuple[Section, ...]) -> list[Sentence]:
    return split(text, 0, len(text), sections)


def label() -> list[Sentence]:
    return cut(*sectioned(*((title, " ".join(body)) for title, body in BODIES.items())))


@st.composite
def reworked(draw: st.DrawFn) -> list[Sentence]:
    """The same label, every form of it drawn anew."""
    parts = []
    for number, title in enumerate(draw(st.permutations(list(BODIES))), start=1):
        lines = []
        for line in draw(st.permutations(BODIES[title])):
            line = line.replace("5.1", draw(st.sampled_from(["5.1", "6.2"])))
            line = draw(st.sampled_from([line, line.upper(), line.replace(" ", "  "), line.removesuffix(".") + "!"]))
            lines.append(draw(st.sampled_from(["", "- ", "• "])) + line)
        glue = draw(st.sampled_from(["\n\n", "\n"]))
        heading = draw(st.sampled_from([title, title.upper(), f"{number} {title}", f"{number}.1 {title}"]))
        parts.append((heading, glue.join(lines)))
    return cut(*sectioned(*parts))


@given(reworked())
@settings(max_examples=150, deadline=None)
def test_a_reworked_label_is_unchanged(new: list[Sentence]) -> None:
    assert compare(label(), new) == []
    assert compare(new, label()) == []


@given(st.sampled_from(sorted(BODIES)), st.data())
@settings(max_examples=60, deadline=None)
def test_one_word_more_less_or_other_is_seen(title: str, data: st.DataObject) -> None:
    bodies = {name: list(body) for name, body in BODIES.items()}
    at = data.draw(st.integers(0, len(bodies[title]) - 1))
    words = bodies[title][at].partition(" [")[0].split()
    place = data.draw(st.integers(0, len(words) - 1))
    if data.draw(st.booleans()):
        words.insert(place, "not")
    else:
        words[place] = "otherwise"
    bodies[title][at] = " ".join(words)
    new = cut(*sectioned(*((name, " ".join(body)) for name, body in bodies.items())))
    assert any(pair.new is not None and set(pair.new.tokens) & {"not", "otherwise"} for pair in compare(label(), new))


def test_a_revised_sentence_is_paired_with_the_one_it_replaces() -> None:
    text = "The recommended dose is 10 mg once daily. Swallow it whole. Store it in the dark."
    new = text.replace("10 mg", "5 mg").replace(" Store it in the dark.", "")
    pairs = compare(split(text, 0, len(text)), split(new, 0, len(new)))
    assert [(pair.old and pair.old.text, pair.new and pair.new.text) for pair in pairs] == [
        ("The recommended dose is 10 mg once daily.", "The recommended dose is 5 mg once daily."),
        ("Store it in the dark.", None),
    ]


def test_sentences_cut_elsewhere_say_the_same() -> None:
    old = "The maximum daily dose is 60 mg. Do not crush the tablets at all."
    new = "The maximum daily dose is 60 mg; do not crush the tablets at all."
    assert compare(split(old, 0, len(old)), split(new, 0, len(new))) == []


def test_a_fragment_under_another_heading_is_news() -> None:
    old = cut(*sectioned(("Women", "5 mg once daily"), ("Men", "10 mg once daily")))
    new = cut(*sectioned(("Women", "10 mg once daily"), ("Men", "5 mg once daily")))
    assert len(compare(old, new)) == 2
