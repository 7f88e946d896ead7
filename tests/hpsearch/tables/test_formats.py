"""Arrays and workbooks as tables: an npy file, and Excel where openpyxl is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpsearch import MLPClassifier, MLPRegressor, Table, UserError
from hpsearch.tables.door import load
from hpsearch.tables.read import read

ROWS = pd.DataFrame(
    {"size": np.arange(60) * 1.5, "colour": ["red", "blue", "green"] * 20, "y": np.arange(60) * 7 % 11 % 2}
)


def test_a_matrix_is_a_table_whose_last_column_is_the_target(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), np.arange(80) % 3
    np.save(tmp_path / "m.npy", np.column_stack([X, y]))
    dataset = load(tmp_path / "m.npy", MLPClassifier())
    assert dataset.target == "x3"
    assert list(dataset.X_train.columns) == ["x0", "x1", "x2"]
    assert dataset.y_train.dtype == np.int64
    assert sorted(dataset.classes) == [0, 1, 2]
    assert load(Table(tmp_path / "m.npy", target="x0"), MLPRegressor()).target == "x0"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_record_array_keeps_its_names_in_any_byte_order(tmp_path: Path, order: str) -> None:
    kinds = np.dtype([("size", f"{order}f8"), ("colour", "S5"), ("y", f"{order}i8")])
    np.save(tmp_path / "r.npy", np.array(list(ROWS.itertuples(index=False, name=None)), kinds))
    frame, _ = read(tmp_path / "r.npy", Table(tmp_path / "r.npy"))
    assert list(frame.columns) == list(ROWS.columns)
    for name in ROWS:
        assert frame[name].tolist() == ROWS[name].tolist()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5), r"an array of shape \(5,\) is no table.*np.savez\('data.npz', X=X, y=y\)"),
        (np.zeros((4, 3, 2)), "no table; expected"),
        (np.array([{"a": 1}], object), "not a readable .npy file"),
    ],
)
def test_what_is_no_matrix_is_refused_in_a_line_and_never_unpickled(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path / "a.npy", MLPClassifier())
    assert "\n" not in str(caught.value)


def test_roles_of_columns_do_not_suit_an_archive_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((5, 2)), y=np.arange(5))
    with pytest.raises(UserError, match="an npz archive is no table: its arrays say what is the target"):
        load(Table(tmp_path / "a.npz", target="y"), MLPClassifier())


def test_a_workbook_is_read_from_its_first_sheet_that_holds_anything(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="Excel files need openpyxl")
    ROWS.to_excel(tmp_path / "plain.xlsx", index=False)
    frame, written = read(tmp_path / "plain.xlsx", Table(tmp_path / "plain.xlsx"))
    pd.testing.assert_frame_equal(frame, ROWS, check_dtype=False)
    assert written == "xlsx"
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="empty", index=False)
        ROWS.to_excel(book, sheet_name="data", index=False)
    frame, written = read(tmp_path / "two.xlsx", Table(tmp_path / "two.xlsx"))
    assert frame.shape == ROWS.shape
    assert written == "xlsx, sheet 'data' of 2"


def test_a_table_below_a_title_begins_at_its_header(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="Excel files need openpyxl")
    odd = ROWS.assign(size=ROWS["size"].astype(object))
    odd.loc[3, "size"] = "unknown"
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        odd.to_excel(book, index=False, startrow=3, startcol=1)
        book.sheets["Sheet1"]["B1"] = "Sizes, 2024"
    frame, written = read(tmp_path / "t.xlsx", Table(tmp_path / "t.xlsx", na=("unknown",)))
    assert written == "xlsx, from row 4"
    assert list(frame.columns) == list(ROWS.columns)
    assert frame["size"].isna().sum() == 1
    assert frame["colour"].tolist() == ROWS["colour"].tolist()


def test_an_archive_with_missing_values_is_a_table_for_a_model_that_needs_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 3)).astype(np.float32), np.arange(100) % 2
    X[90:, 1] = np.nan  # in rows that do not train
    parts = {"X_train": X[:60], "y_train": y[:60], "X_valid": X[60:], "y_valid": y[60:]}
    np.savez(tmp_path / "gaps.npz", **parts)
    dataset = load(tmp_path / "gaps.npz", MLPClassifier())
    assert (dataset.name, dataset.source) == ("gaps", str(tmp_path / "gaps.npz"))
    assert dataset.encodes
    assert len(dataset.y_train) == 60
    assert not dataset.own_split
    assert "10 cells are missing" in dataset.said[0]


def test_a_file_of_json_is_told_of_by_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1, "y": 0}\n{"a": 1, "y" 0}\n')
    (tmp_path / "t.json").write_text('[{"a": 1, "y": 0},\n {"a": }]')
    with pytest.raises(UserError, match=r"t\.jsonl, line 2, column 14: no JSON"):
        load(tmp_path / "t.jsonl")
    with pytest.raises(UserError, match=r"t\.json, line 2, column 8: no JSON"):
        load(tmp_path / "t.json")


def test_records_within_records_are_columns_and_lists_are_texts(tmp_path: Path) -> None:
    lines = [f'{{"a": {{"b": {i}, "c": "k{i % 2}"}}, "tags": ["t{i % 3}", "x"], "y": {i % 2}}}' for i in range(60)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    frame = load(tmp_path / "t.jsonl", MLPClassifier()).X_train
    assert list(frame.columns) == ["tags", "a.b", "a.c"]
    assert set(frame["tags"]) == {f"['t{i}', 'x']" for i in range(3)}


@pytest.mark.parametrize("name", ["t.arff", "t.dat"])
def test_a_row_of_arff_with_a_cell_too_few_is_named_and_comments_and_quotes_are_read(tmp_path: Path, name: str) -> None:
    head = "% about\n@relation x\n@attribute a numeric\n@ATTRIBUTE \"the b\" {p,'it''s'}\n@data\n"
    (tmp_path / name).write_text(head + '1,"p, q"\n% a comment\n2,"it\'s \\"so\\""\n')
    frame, written = read(tmp_path / name, Table(tmp_path / name))
    assert written == "arff"
    assert frame["the b"].tolist() == ["p, q", 'it\'s "so"']
    (tmp_path / name).write_text(head + "1,p\n2\n")
    with pytest.raises(UserError, match=rf"{name}, line 7: expected 2 cells, found 1"):
        read(tmp_path / name, Table(tmp_path / name))


def test_a_column_that_is_text_for_the_sake_of_a_few_cells_is_warned_of() -> None:
    frame = pd.DataFrame({"x": [f"{i}.5" for i in range(60)], "y": [0, 1] * 30})
    frame.loc[[7, 9], "x"] = ["12O.5", "unknown"]
    (warning,) = load(frame, MLPClassifier()).warnings
    assert "column 'x' is taken as text, as 2 of its 60 cells are no number ('12O.5', 'unknown')" in warning
    assert "--na" in warning
    assert not load(Table(frame.replace("12O.5", "12.5"), na=("unknown",)), MLPClassifier()).warnings


def test_a_target_of_texts_that_are_all_different_is_refused() -> None:
    frame = pd.DataFrame({"x": range(60), "note": [f"note {i}" for i in range(60)]})
    with pytest.raises(UserError, match="holds 60 different values that are no numbers in 60 rows, too many to be"):
        load(frame, MLPClassifier())


def test_words_above_a_table_are_passed_over_and_that_is_said(tmp_path: Path) -> None:
    rows = "".join(f"A{i},{1959 + i},{i}.5\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"Title: unemployment\n\nAge: 16 years, and over\n\n\nseries,year,value,\n{rows}")
    frame, written = read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))
    assert list(frame.columns) == ["series", "year", "value"]
    assert frame["value"].tolist() == [i + 0.5 for i in range(40)]
    assert written == "comma-separated, from line 6, with a header"


def test_words_of_as_many_cells_as_the_table_has_are_no_header(tmp_path: Path) -> None:
    rows = "".join(f" {i}.5   {i * 2}\n" for i in range(40))
    (tmp_path / "t.dat").write_text(
        f"/* quarterly, of the U.S.\nseasonally adjusted */\n\n<1947 Q1>\n  y1   y2\n{rows}"
    )
    frame, written = read(tmp_path / "t.dat", Table(tmp_path / "t.dat"))
    assert list(frame.columns) == ["y1", "y2"]
    assert frame["y2"].tolist() == [i * 2 for i in range(40)]
    assert "from line 5" in written


@pytest.mark.parametrize("first", ["a,b", "1,2", "a,b,c,d,e,f"])
def test_a_first_line_of_data_or_a_header_too_short_is_never_passed_over(tmp_path: Path, first: str) -> None:
    rows = "".join(f"{i},{i * 2},{i}.5,{i % 2}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"{first}\n{rows}")
    with pytest.raises(UserError, match=r"t\.csv, line \d: expected \d cells, found \d"):
        read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))


def test_numbers_name_columns_where_the_column_of_row_names_has_no_name(tmp_path: Path) -> None:
    rows = "".join(f'"{9.4 + i / 10:.1f}",{i},{i % 2},{i * 3}\n' for i in range(40))
    (tmp_path / "t.csv").write_text(f'"","142.24","144.78","147.32"\n{rows}')
    frame, _ = read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))
    assert frame.shape == (40, 4)
    assert list(frame.columns)[1:] == ["142.24", "144.78", "147.32"]
    (tmp_path / "t.csv").write_text(f",1.5,2.5,3.5\n{rows},1,2,3\n")  # a cell is missing below, too
    assert len(read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))[0]) == 42


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    names = ["self", "index", "columns", "X", "0"]
    frame = pd.DataFrame({name: ["a", "b", "c"] * 20 for name in names}).assign(y=[0, 1] * 30)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for data in (tmp_path / "t.csv", Table(frame, na=("c",)), (frame.drop(columns="y"), frame["y"])):
        assert list(load(data, MLPClassifier()).X_train.columns) == names
    assert "self" in frame.columns


@pytest.mark.parametrize("target", [None, ["no", "yes"] * 30, [0, 1] * 30], ids=["matrix", "words", "numbers"])
def test_the_names_that_pandas_gives_an_arrays_columns_are_a_header(
    tmp_path: Path, target: list[object] | None
) -> None:
    frame = pd.DataFrame(np.arange(180).reshape(60, 3) * 1.5)
    frame = frame if target is None else frame.assign(y=target)
    frame.to_csv(tmp_path / "t.csv", index=False)
    table, _ = read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))
    assert table.shape == frame.shape
    assert list(table.columns) == list(map(str, frame.columns))


def test_a_missing_value_in_the_first_row_is_no_name(tmp_path: Path) -> None:
    rows = "".join(f"{i}.5,{i * 2},a\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"?,7,a\n{rows}")
    assert read(tmp_path / "t.csv", Table(tmp_path / "t.csv"))[0].shape == (41, 3)
