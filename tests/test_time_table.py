"""Time series of tables: what is inferred, sorted, filled, and what stops with a clear line."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from seqloom_runtime.signal.frequency import Frequency

from seqloom.data.catalogue import load_catalogue
from seqloom.data.source import Source, open_source
from seqloom.data.time_table import SeriesOptions, SeriesSet, read_time_table
from seqloom.errors import DataError, SettingsError

DAYS = [f"2024-01-{day:02}" for day in range(1, 32)]


def written(tmp_path: Path, text: str, name: str = "sales.csv") -> Source:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return open_source(str(path))


def read(tmp_path: Path, text: str, **asked: Any) -> SeriesSet:
    return read_time_table(written(tmp_path, text), SeriesOptions(**asked))


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_one_column_of_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, rows("y", "1", "2", "4"))
    assert found.series[0].values.tolist() == [[1], [2], [4]]
    assert found.series[0].times is None
    assert found.frequency == Frequency("step")
    assert found.future(0, 2).tolist() == [3, 4]


@pytest.mark.parametrize("name", ["plain.csv", "plain.txt"])
def test_a_file_without_names_of_columns(tmp_path: Path, name: str) -> None:
    source = written(tmp_path, rows("112", "118", "132"), name)
    assert read_time_table(source).series[0].values.ravel().tolist() == [112, 118, 132]
    with pytest.raises(DataError, match=rf'{name}, line 3: column .* holds "x"'):
        read_time_table(written(tmp_path, rows("112", "118", "x", "132", "140"), name))


def test_wide_a_column_a_series(tmp_path: Path) -> None:
    found = read(
        tmp_path, rows("date,north,south", *(f"{d},{n},{n * 2}" for n, d in enumerate(DAYS)))
    )
    assert [one.name for one in found.series] == ["north", "south"]
    assert found.channels == ["value"]
    assert found.series[1].values[:3].ravel().tolist() == [0, 2, 4]
    assert found.frequency == Frequency("day")
    assert found.future(1, 1)[0] == np.datetime64("2024-02-01")
    assert any("each of 2 columns of numbers is a series" in reason for reason in found.reasons)


def test_wide_asked_for_as_channels(tmp_path: Path) -> None:
    text = rows("date,a,b,c", *(f"{d},{n},{n * 2},9" for n, d in enumerate(DAYS)))
    found = read(tmp_path, text, value=("b", "a"), past=("c",))
    assert found.channels == ["b", "a"]
    assert found.series[0].values[2].tolist() == [4, 2]
    assert found.series[0].past[2].tolist() == [9]


def test_long_with_covariates_and_unequal_lengths(tmp_path: Path) -> None:
    lines = [
        f"s{n},{DAYS[t]},{n * 100 + t},{t},{'xy'[n]}" for n in (0, 1) for t in range(5 + 3 * n)
    ]
    text = rows("unique_id,ds,y,price,kind", *lines[::-1])
    found = read(tmp_path, text, past=("price",), static=("kind",))
    one, two = sorted(found.series, key=lambda series: series.name)
    assert (len(one), len(two)) == (5, 8)
    assert two.values[:, 0].tolist() == [100 + t for t in range(8)]
    assert two.past[:, 0].tolist() == list(range(8))
    assert (one.static, two.static) == ({"kind": "x"}, {"kind": "y"})
    assert any("2 series were not in the order of time: sorted" in r for r in found.reasons)
    assert any("13 rows, 2 series of 5 to 8 steps" in reason for reason in found.reasons)


def test_korean_names_separators_and_missing_words(tmp_path: Path) -> None:
    text = rows("날짜;판매량", *(f'2024-01-{d:02};"1,{d:03}"' for d in range(1, 9)))
    found = read(tmp_path, text)
    assert found.channels == ["판매량"]
    assert found.series[0].values[0].tolist() == [1001]


def test_times_in_parts_and_row_numbers(tmp_path: Path) -> None:
    text = rows(
        "No,year,month,day,hour,pm", *(f"{h},2010,1,{1 + h // 24},{h % 24},{h}" for h in range(30))
    )
    found = read(tmp_path, text)
    assert found.frequency == Frequency("hour")
    assert found.channels == ["pm"]
    assert any("put together of columns year, month, day, hour" in r for r in found.reasons)


def test_holidays_are_no_steps(tmp_path: Path) -> None:
    days = np.busday_offset(np.datetime64("2024-01-01"), np.delete(np.arange(40), [10, 20]))
    found = read(tmp_path, rows("date,close", *(f"{day},5" for day in days)))
    assert len(found.series[0]) == 38
    assert found.series[0].times is not None
    assert (found.series[0].times == days.astype("datetime64[s]")).all()
    assert any("2 weekdays without a row are holidays" in reason for reason in found.reasons)
    assert any('"sales" never changes' in reason for reason in found.reasons)


def test_gaps_by_choice(tmp_path: Path) -> None:
    lines = [
        "date,y",
        *(f"{DAYS[t]},{t if t != 6 else 'NA'}" for t in range(10) if t not in (3, 4)),
    ]
    with pytest.raises(
        DataError, match=r"sales\.csv: there is no row for 2024-01-04 .*3 of 10 values"
    ):
        read(tmp_path, rows(*lines))
    filled = read(tmp_path, rows(*lines), gaps="fill").series[0]
    assert filled.values[:, 0].tolist() == [0, 1, 2, 2, 2, 5, 5, 7, 8, 9]
    assert np.flatnonzero(filled.missing[:, 0]).tolist() == [3, 4, 6]
    drawn = read(tmp_path, rows(*lines), gaps="interpolate")
    assert drawn.series[0].values[:, 0].tolist() == list(range(10))
    assert any("3 of 10 values (30 %) are missing: lines are drawn" in r for r in drawn.reasons)
    taken = read(tmp_path, rows(*lines), gaps="fill", frequency="rows").series[0]
    assert taken.times is None and len(taken) == 8


def test_days_and_then_months_are_not_taken_for_gaps(tmp_path: Path) -> None:
    months = np.arange(np.datetime64("2024-02"), np.datetime64("2026-02")).astype("datetime64[D]")
    lines = ["date,y", *(f"{day},{n}" for n, day in enumerate([*DAYS[:30], *months]))]
    with pytest.raises(DataError, match=r"several frequencies: split them.*--frequency"):
        read(tmp_path, rows(*lines))


def test_an_empty_cell_is_named_with_its_line(tmp_path: Path) -> None:
    text = rows("date,y", *(f"{day},{'' if n == 4 else n}" for n, day in enumerate(DAYS)))
    with pytest.raises(DataError, match=r'sales\.csv, line 6: column "y" is empty at 2024-01-05'):
        read(tmp_path, text)


def test_values_that_begin_late_and_end_early(tmp_path: Path) -> None:
    text = rows(
        "date,y,hol", *(f"{d},{n if 3 <= n < 20 else ''},{n % 2}" for n, d in enumerate(DAYS))
    )
    found = read(tmp_path, text, value=("y",), known=("hol",))
    one = found.series[0]
    assert len(one) == 17
    assert one.times is not None and one.times[0] == np.datetime64("2024-01-04")
    assert len(one.known) == 28  # eleven steps of the future
    assert one.known[:3, 0].tolist() == [1, 0, 1]
    assert found.future(0, 1)[0] == np.datetime64(DAYS[20])


def test_known_covariates_must_be_known(tmp_path: Path) -> None:
    text = rows("date,y,hol", *(f"{d},{n},{'' if n == 9 else 1}" for n, d in enumerate(DAYS)))
    with pytest.raises(DataError, match=r'known column "hol" .* has no value at step 9'):
        read(tmp_path, text, value=("y",), known=("hol",))
    filled = read(tmp_path, text, value=("y",), known=("hol",), gaps="fill")
    assert filled.series[0].known[9].tolist() == [1]


LINES = ["date,y", *(f"{day},{n}" for n, day in enumerate(DAYS))]


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (5, f"{DAYS[4]},abc", r'sales\.csv, line 6: column "y" holds "abc", which is no number'),
        (5, f"{DAYS[4]},inf", r'sales\.csv, line 6: column "y" holds an infinite number'),
        (5, "2024-02-30,4", r'sales\.csv, line 6: column "date": "2024-02-30" is no time'),
        (5, ",4", r'sales\.csv, line 6: column "date" is empty'),
    ],
)
def test_bad_rows_are_placed_or_dropped(tmp_path: Path, line: int, text: str, message: str) -> None:
    lines = [*LINES[:line], text, *LINES[line + 1 :]]
    with pytest.raises(DataError, match=message + r".*--skip-bad-rows"):
        read(tmp_path, rows(*lines))
    found = read(tmp_path, rows(*lines), skip_bad_rows=True, gaps="fill")
    assert found.series[0].values[:6, 0].tolist() == [0, 1, 2, 3, 3, 5]
    assert any("1 rows that could not be read were dropped" in r for r in found.reasons)


def test_a_time_that_stands_twice_names_both_rows(tmp_path: Path) -> None:
    lines = [*LINES, f"{DAYS[7]},1", f"{DAYS[3]},1"]
    with pytest.raises(DataError, match=r"sales\.csv, lines 9 and 33: .*2024-01-08 \(1 more.*--id"):
        read(tmp_path, rows(*lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows("date,y", "01/02/2020,1", "02/02/2020,2"), 'column "date": .* not certain'),
        (
            rows("date,y", *(f"{d}," for d in DAYS[:5]), "2024-01-06,1")[:-2] + "\n",
            "no column holds",
        ),
        (rows("name,words", "a,b", "c,d"), r"no column holds numbers to forecast \(name, words\)"),
        (rows("date,y", f"{DAYS[0]},1", f"{DAYS[1]},2", "2824-01-03,3"), r"line 4: 292,\d+ steps"),
        (
            rows(*LINES, "2024-01-31 07:30,1"),
            r"\.csv: Series .* is daily, but 2024-01-31 07:30",
        ),
        (rows("date,y"), "holds no rows"),
        (rows("date,y", f"{DAYS[0]},1"), "No series has two times"),
    ],
)
def test_what_cannot_be_a_series(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_empty_series_and_changing_statics_are_named(tmp_path: Path) -> None:
    lines = ["id,ds,y,kind", *(f"a,{d},1,x" for d in DAYS), *(f"b,{d},,x" for d in DAYS)]
    with pytest.raises(DataError, match='column "y" of series "b" has no value at all'):
        read(tmp_path, rows(*lines))
    lines[5] = lines[5][:-1] + "z"
    with pytest.raises(DataError, match=r'line 6: column "kind" of series "a" holds "z"'):
        read(tmp_path, rows(*lines), static=("kind",))


def test_asked_columns_must_exist_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='no column "z"'):
        read(tmp_path, rows(*LINES), value=("z",))
    with pytest.raises(SettingsError, match='column "y" is asked for twice'):
        read(tmp_path, rows(*LINES), value=("y",), past=("y",))


def test_frames_and_dicts(tmp_path: Path) -> None:
    frame = polars.DataFrame({"ds": DAYS, "y": [float(n) for n in range(31)]})
    frame = frame.with_columns(polars.col("ds").str.to_datetime())
    found = read_time_table(open_source(frame))
    assert found.frequency == Frequency("day")
    assert found.series[0].values[30, 0] == 30
    bad = [{"ds": day, "y": "x" if n == 3 else n} for n, day in enumerate(DAYS)]
    with pytest.raises(DataError, match='data, row 4: column "y" holds "x"'):
        read_time_table(open_source(bad))


REAL = [
    ("airline-passengers", "monthly", 144, 112.0),
    ("champagne", "monthly", 105, 2815.0),
    ("min-temperatures", "daily", 3_652, 20.7),
    ("sunspots", "monthly", 2_820, 58.0),
    ("market-series", "every business day", 2_518, 12.04),
    ("beijing-pollution", "hourly", 43_800, 129.0),
    ("etth1", "hourly", 17_420, 5.827),
]


@pytest.mark.parametrize(("name", "frequency", "steps", "first"), REAL)
def test_real_series(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, frequency: str, steps: int, first: float,
) -> None:  # fmt: skip
    monkeypatch.setenv("SEQLOOM_DATA", str(data_folder))
    found = read_time_table(open_source(name))
    one = found.series[0]
    assert (found.frequency.describe(), len(one)) == (frequency, steps)
    assert math.isclose(one.values[0, 0], first, rel_tol=1e-6)
    assert np.isfinite(one.values).all() and np.isfinite(one.past).all()
    entry = load_catalogue()[name]
    assert entry.task == "forecast"
    assert found.channels == entry.forecast["value"]


def test_series_without_values_are_left_out_by_choice(tmp_path: Path) -> None:
    lines = ["id,ds,y", *(f"a,{d},{n}" for n, d in enumerate(DAYS)), *(f"b,{d}," for d in DAYS)]
    with pytest.raises(DataError, match=r'"b" has no value at all.*--skip-bad-series'):
        read(tmp_path, rows(*lines))
    found = read(tmp_path, rows(*lines), skip_bad_series=True)
    assert [one.name for one in found.series] == ["a"] and found.left_out == ("b",)
    assert any('1 series without any value left out: "b"' in reason for reason in found.reasons)
    with pytest.raises(DataError, match="no series has any value"):
        read(tmp_path, rows(lines[0], *lines[32:]), skip_bad_series=True, value=("y",))


@pytest.mark.parametrize("gaps", ["fill", "interpolate"])
def test_mostly_invented_values_are_refused(tmp_path: Path, gaps: str) -> None:
    months = np.arange(np.datetime64("2024-02"), np.datetime64("2026-02")).astype("datetime64[D]")
    lines = ["date,y", *(f"{day},{n}" for n, day in enumerate([*DAYS[:30], *months]))]
    with pytest.raises(DataError, match=r"678 of 732 values \(93 %\) would be invented.*daily"):
        read(tmp_path, rows(*lines), gaps=gaps)
    kept = read(tmp_path, rows(*lines), gaps=gaps, frequency="rows")
    assert len(kept.series[0]) == 54


def test_rows_that_repeat_another_are_dropped(tmp_path: Path) -> None:
    found = read(tmp_path, rows(*LINES, LINES[8], LINES[8], LINES[4]))
    assert len(found.series[0]) == 31
    assert any("3 rows repeat another one, time and values: dropped" in r for r in found.reasons)


def test_the_hour_that_clocks_skip_in_spring_is_explained(tmp_path: Path) -> None:
    hours = np.arange(np.datetime64("2024-03-30T00"), np.datetime64("2024-04-01T00"))
    kept = [hour for hour in hours if str(hour) != "2024-03-31T02"]
    text = rows("time,y", *(f"{str(hour)[:13]}:00,{n}" for n, hour in enumerate(kept)))
    with pytest.raises(DataError, match=r"In spring local clocks skip an hour.*--gaps fill"):
        read(tmp_path, text)


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    text = rows(*(f"{d},{45.7 + n},{n}" for n, d in enumerate(DAYS)))
    found = read(tmp_path, text)
    assert [one.name for one in found.series] == ["2", "3"]
    assert found.series[0].values[0, 0] == 45.7
    assert not any("45.7" in reason for reason in found.reasons)


def test_every_series_lies_on_one_axis(tmp_path: Path) -> None:
    lines = ["id,t,y", *(f"a,{t},1" for t in range(10, 30, 2)), *(f"b,{t},2" for t in (24, 26, 30))]
    found = read(tmp_path, rows(*lines), gaps="fill", time="t")
    assert [one.axis.tolist() for one in found.series if one.axis is not None] == [
        list(range(10, 30, 2)),
        [24, 26, 28, 30],
    ]
    dated = read(tmp_path, rows("date,y", *(f"{d},{n}" for n, d in enumerate(DAYS))))
    assert (dated.series[0].axis == dated.series[0].times.astype(np.int64)).all()
