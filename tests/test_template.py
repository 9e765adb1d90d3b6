import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.data.template import Template, as_text

from seqloom.errors import SettingsError

RECIPE = Template("Recipe for {title} | {directions}")


def test_columns_are_filled_and_lists_joined() -> None:
    record = {"title": "Toast", "directions": ["Slice.", None, "Toast."], "tags": []}
    assert RECIPE.columns == ("title", "directions")
    assert RECIPE.render(record) == "Recipe for Toast | Slice. Toast."


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"title": "a"}, 'missing field "directions"'),
        ({"title": "a", "directions": None}, 'missing field "directions"'),
        ({"title": "a", "directions": []}, 'missing field "directions"'),
        ({"title": " ", "directions": "b"}, 'missing field "title"'),
        ({"title": float("nan"), "directions": "b"}, 'missing field "title"'),
        ({"title": "a", "directions": "Unknown"}, 'value "Unknown"'),
        ({"title": "a", "directions": ["Unknown"]}, 'value "Unknown"'),
        ({"title": "Unknown soup", "directions": 0}, None),
    ],
)
def test_a_missing_field_gives_no_text(record: dict[str, object], problem: str | None) -> None:
    assert RECIPE.problem(record, ["Unknown"]) == problem
    assert (RECIPE.render(record, ["Unknown"]) is None) == (problem is not None)


@given(st.text(), st.text(min_size=1).filter(str.strip))
def test_doubled_braces_are_braces(plain: str, value: str) -> None:
    escaped = plain.replace("{", "{{").replace("}", "}}")
    assert Template(escaped + "{a}").render({"a": value}) == plain + value


@given(st.text().filter(str.strip))
def test_values_are_not_read_as_templates(value: str) -> None:
    assert Template("{a}{b}").render({"a": value, "b": value}) == value + value


@pytest.mark.parametrize("text", ["{a", "a}", "{}", "{a} }", "{a{b}}", "no column", ""])
def test_stray_braces_and_no_column_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="text = "):
        Template(text)


def test_a_column_name_is_a_template_too() -> None:
    assert Template.of("headline").text == "{headline}"
    assert Template.of("{a} {b}").columns == ("a", "b")


def test_an_absent_column_offers_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r'reviews: no column "titel". Did you mean "title"'):
        Template("{titel}").check(["id", "title"], "reviews")


def test_values_as_text() -> None:
    assert [as_text(value) for value in (3, 2.5, True, None, ("a", ["b", 1]))] == [
        "3", "2.5", "True", "", "a b 1",
    ]  # fmt: skip
