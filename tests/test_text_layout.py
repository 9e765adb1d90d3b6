import textwrap

import pytest

from seqloom.data.text_layout import guess_layout

PROSE = " ".join(f"The {word} of the house was seen by Mary" for word in ("cat", "old roof") * 60)
VERSE = "\n\n".join(
    f"FIRST CITIZEN:\nSpeak, speak {number}.\nWe know it well,\nAnd so be it."
    for number in range(20)
)
CODE = "\n".join(f"def f{number}(x):\n    return x + {number}" for number in range(20))
SENTENCES = [f"A {'very ' * (number % 9)}small dog runs." for number in range(60)]
NAMES = ["emma" + "x" * (number % 7) for number in range(60)]
REVIEWS = ["정말 " * (number % 11 + 1) + "재밌어요" for number in range(60)]


@pytest.mark.parametrize("lines", [SENTENCES, NAMES, REVIEWS], ids=["sentences", "names", "한글"])
def test_a_record_a_line(lines: list[str]) -> None:
    kind, reason = guess_layout("\n".join(lines) + "\n", True)
    assert kind == "line"
    assert "60 lines" in reason


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        (textwrap.fill(PROSE, 70), "same width"),
        (VERSE, "blank lines stand between groups of lines (19 among 80)"),
        (CODE, "indented"),
        (PROSE, "only 1 line "),
        ("\n".join(SENTENCES[:10]), "only 10 lines"),
        ("\n".join([PROSE[:2_000]] * 30), "lines are long (2,000 characters"),
        (
            "\n".join(["He saw", "the big and very old house on the hill", "of Rome"] * 20),
            "small letter",
        ),
        ("", "only 0 lines"),
    ],
)
def test_one_text(text: str, sign: str) -> None:
    kind, reason = guess_layout(text, True)
    assert kind == "continuous"
    assert sign in reason


def test_a_cut_last_line_and_blank_lines_at_the_end_do_not_matter() -> None:
    assert guess_layout("\n".join(SENTENCES) + "\n\n\n\n", True)[0] == "line"
    assert "59 lines" in guess_layout("\n".join(SENTENCES), False)[1]
