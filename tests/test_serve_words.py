"""Sentences of the server in Korean: every code has one, and what stands in it is given."""

import re
from pathlib import Path

import pytest
import seqloom_runtime
from seqloom_runtime.errors import DataError
from seqloom_runtime.serve.checking import checked
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.refused import RefusedError, told
from seqloom_runtime.serve.served import Field

import seqloom

FOLDERS = [Path(module.__file__ or "").parent for module in (seqloom, seqloom_runtime)]
PAGE = FOLDERS[1] / "serve" / "page"
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for folder in FOLDERS for path in folder.rglob("*.py")
)


def korean() -> dict[str, str]:
    """The sentences of the Korean page by their codes."""
    words = (PAGE / "words.js").read_text(encoding="utf-8").partition("\n  ko: {")[2]
    own = words.partition("    errors: {\n")[2].partition("\n    },")[0]
    return dict(re.findall(r'^      (\w+): "(.*)",$', own, re.MULTILINE))


def test_every_code_has_a_korean_sentence_and_every_sentence_a_code() -> None:
    known = korean()
    raised = set(re.findall(r'\bcode="(\w+)"', SOURCES))
    assert len(raised) > 20 and raised <= set(known)
    page = (PAGE / "base.js").read_text(encoding="utf-8")
    missing = [code for code in known if f'"{code}"' not in SOURCES + page]
    assert not missing
    assert all(re.search("[가-힣]", sentence) for sentence in known.values())


@pytest.mark.parametrize(
    ("field", "value", "code", "values"),
    [
        (Field("text", "A text."), "x" * 21, "text_long", (21, 20)),
        (Field("text", "A text.", required=True), " ", "text_empty", ()),
        (Field("text", "A text.", required=True), None, "missing", ("own",)),
        (
            Field("integer", "A number.", low=1, high=9),
            12,
            "number_range",
            ("own", "12", "≥ 1, ≤ 9"),
        ),
        (Field("integer", "A number."), 1.5, "number_whole", ("own", "1.5")),
        (Field("choice", "One.", choices=("a", "b")), "c", "choice", ("own", "'c'", "a, b")),
        (Field("series", "Numbers."), [1, None], "series_number", (2, "None")),
    ],
)
def test_what_is_wrong_with_a_value_is_told_by_code(
    field: Field, value: object, code: str, values: tuple[object, ...]
) -> None:
    with pytest.raises(RefusedError) as caught:
        checked({"own": value}, {"own": field}, Limits(characters=20))
    assert (caught.value.code, caught.value.values) == (code, values)
    places = re.findall(r"\{(\d)\}", korean()[code])
    assert all(int(place) < len(values) for place in places)
    assert caught.value.body == {
        "error": str(caught.value),
        "code": code,
        "values": list(values),
    }


def test_what_a_model_says_keeps_its_code() -> None:
    error = DataError("Too long.", code="inside_long", values=[400])
    refusal = RefusedError.of(error, "Row 2: ")
    assert told(refusal) == {"error": "Row 2: Too long.", "code": "inside_long", "values": [400]}
    assert told(DataError("Something else.")) == {"error": "Something else."}


def test_the_page_reads_no_number_out_of_a_sentence() -> None:
    for path in PAGE.glob("*.js"):
        assert "exec(error.message)" not in path.read_text(encoding="utf-8")
