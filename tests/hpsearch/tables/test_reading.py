"""Files as people write them: every dialect and format gives the same table, or one line that says why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tables
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge

from hpsearch import MLPClassifier, Table, UserError
from hpsearch.tables.door import load
from hpsearch.tables.read import read
from hpsearch.tables.reader import READER

TEXT = "a,b,y\n" + "\n".join(f"{i * 1.5},{'red' if i % 2 else 'blue'},{i % 3}" for i in range(60)) + "\n"


def frame_of(path: Path, **settings: Any) -> pd.DataFrame:
    return read(path, Table(path, **settings))[0]


@pytest.fixture
def expected(tmp_path: Path) -> pd.DataFrame:
    (tmp_path / "plain.csv").write_text(TEXT)
    return frame_of(tmp_path / "plain.csv")


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_separator_is_found(tmp_path: Path, expected: pd.DataFrame, sep: str, end: str) -> None:
    (tmp_path / "t.txt").write_bytes(TEXT.replace(",", sep).replace("\n", end).encode())
    pd.testing.assert_frame_equal(frame_of(tmp_path / "t.txt"), expected)


def packed(name: str, content: bytes, path: Path) -> None:
    if name == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", content)
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[name].compress(content))


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zip"])
def test_compressed_files_are_read(tmp_path: Path, expected: pd.DataFrame, name: str) -> None:
    packed(name, TEXT.encode(), tmp_path / f"t.csv.{name}")
    pd.testing.assert_frame_equal(frame_of(tmp_path / f"t.csv.{name}"), expected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("größe,préço\n1,2\n3,4\n".encode(encoding))
    assert list(frame_of(tmp_path / "t.csv").columns) == ["größe", "préço"]


@pytest.mark.parametrize("file_format", ["parquet", "feather", "jsonl", "json", "dta"])
def test_typed_formats_are_read(tmp_path: Path, expected: pd.DataFrame, file_format: str) -> None:
    path = tmp_path / f"t.{file_format}"
    write = {
        "parquet": expected.to_parquet,
        "feather": expected.to_feather,
        "jsonl": lambda path: expected.to_json(path, orient="records", lines=True),
        "json": lambda path: expected.to_json(path, orient="records"),
        "dta": lambda path: expected.to_stata(path, write_index=False),
    }
    write[file_format](path)
    frame = frame_of(path)
    assert frame.shape == expected.shape
    assert frame["b"].tolist() == expected["b"].tolist()


def test_arff_and_keel_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.arff").write_text(
        "% said\n@relation x\n@attribute 'the size' numeric\n@attribute kind {a,'b c'}\n@data\n1.5,a\n?,'b c'\n"
    )
    frame = frame_of(tmp_path / "t.arff")
    assert list(frame.columns) == ["the size", "kind"]
    assert frame["kind"].tolist() == ["a", "b c"]
    assert np.isnan(frame["the size"][1])


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.xls").write_bytes(b"x")
    with pytest.raises(UserError, match=r"reading \.xls files needs xlrd; install it"):
        frame_of(tmp_path / "t.xls")


def test_a_short_or_long_row_is_named_by_its_line(tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    for bad in ("1.0,red", "1.0,red,2,3"):
        (tmp_path / "t.csv").write_text("\n".join([*lines[:5], bad, *lines[5:]]))
        with pytest.raises(UserError, match=r"t\.csv, line 6: expected 3 cells, found \d"):
            frame_of(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty: no line holds anything"),
        (b"\n\n", "empty: no line holds anything"),
        (b"a,b\n", "expected rows under the header, found none"),
        (b"\x00\x01\x02", "no text file"),
        (b"\x1f\x8b\x08 damaged", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_in_a_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        frame_of(tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_row_names_without_a_name_as_r_writes_them_keep_the_columns_in_place(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text('"a" "y"\n' + "\n".join(f'"{i}" {i * 2} {i % 2}' for i in range(1, 9)))
    frame = frame_of(tmp_path / "t.txt")
    assert frame["a"].tolist() == [i * 2 for i in range(1, 9)]


@examples(15)
@given(
    rows=st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.integers(-9, 9), st.text("abc ,;\"'éß", min_size=1, max_size=8)), min_size=3
    )
)
def test_what_pandas_writes_is_read_back_without_loss(
    tmp_path_factory: Any, rows: list[tuple[float, int, str]]
) -> None:
    texts = [f"t{text.strip()}" for _, _, text in rows]
    frame = pd.DataFrame({"number": [row[0] for row in rows], "count": [row[1] for row in rows], "text": texts})
    path = tmp_path_factory.mktemp("h") / "t.csv"
    frame.to_csv(path, index=False)
    table = frame_of(path, sep=",", header=True)
    assert table["number"].tolist() == frame["number"].tolist()
    assert table["count"].tolist() == frame["count"].tolist()
    assert table["text"].tolist() == texts


def target_table(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = (np.arange(60) * 7 % 11 > 4).astype(int)
    return pd.DataFrame({"x": rng.normal(size=60), **columns, "y": y})


@pytest.mark.parametrize(
    ("column", "left_out"),
    [
        (("id", np.arange(60)), True),
        (("index", np.arange(1, 61)), True),
        (("year", np.arange(1, 61)), False),  # not called an index
        (("id", np.arange(60) * 2), False),  # does not count
        (("id", np.arange(60.0)), False),  # floats
        (("constant", np.ones(60)), True),
        (("name", [f"person {i}" for i in range(60)]), True),
        (("when", pd.date_range("2024-01-01", periods=60).astype(str)), False),
    ],
)
def test_columns_that_say_nothing_are_left_out(column: tuple[str, Any], left_out: bool) -> None:
    name, cells = column
    frame = target_table(**{name: cells})
    assert (name not in load(frame).X_train.columns) == left_out
    assert name in load(Table(frame, keep=(name,))).X_train.columns


def test_the_last_feature_is_never_left_out() -> None:
    frame = target_table(id=np.arange(60)).drop(columns="x")
    assert list(load(frame).X_train.columns) == ["id"]


def test_numbers_as_people_write_them_are_numbers() -> None:
    cells = [f"${1000 + i:,}.50" for i in range(60)]
    dataset = load(target_table(cost=cells), LogisticRegression())
    assert dataset.X_train["cost"].dtype == np.float64
    assert dataset.X_train["cost"].between(1000, 1060.5).all()


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%b %d %Y"])
def test_dates_as_people_write_them_are_dates(form: str) -> None:
    days = pd.date_range("2024-01-20", periods=60)
    frame = load(target_table(day=days.strftime(form)), LogisticRegression()).X_train["day"]
    assert frame.dtype.kind == "M"
    assert set(frame) <= set(days)


def test_roles_that_cannot_be_are_named(tmp_path: Path) -> None:
    frame = target_table(g=np.arange(60) // 3)
    with pytest.raises(UserError, match=r"groups: there is no column 'gg' \(did you mean 'g'\?\)"):
        load(Table(frame, groups="gg"))
    with pytest.raises(UserError, match="column 'y' has two roles"):
        Table(frame, target="y", weights="y")
    with pytest.raises(UserError, match="both target and dropped"):
        Table(frame, target="y", drop=("y",))
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "none.csv")


def test_time_divides_rows_in_order_and_ties_stay_together() -> None:
    frame = target_table(t=np.arange(60)[::-1] // 7)
    dataset = load(Table(frame, time="t"))
    times = [set(table["t"]) for table in (dataset.X_train, dataset.X_valid, dataset.X_test)]
    assert max(times[0]) < min(times[1])
    assert max(times[1]) < min(times[2])


def test_weights_reach_fit_and_score() -> None:
    frame = target_table(w=np.linspace(1, 2, 60))
    dataset = load(Table(frame, weights="w"), LogisticRegression())
    assert "w" not in dataset.X_train.columns
    assert dataset.w_train is not None
    assert dataset.w_valid is not None
    from hpsearch.objectives.scores import Scores

    model = LogisticRegression().fit(dataset.X_train, dataset.y_train)
    args = (model, dataset.X_train, dataset.y_train, dataset.X_valid, dataset.y_valid)
    weighted = Scores("classifier", {}).measure(*args, dataset.w_valid)["val_accuracy"]
    hits = model.predict(dataset.X_valid) == dataset.y_valid
    assert weighted == pytest.approx(np.average(hits, weights=dataset.w_valid))


def test_frames_bunches_sparse_matrices_and_arrays_come_in_by_the_same_door() -> None:
    import polars as pl

    iris = load_iris(as_frame=True)
    model = MLPClassifier()
    frame = load(Table(iris.frame, target="target"), model)
    pair = load((iris.data, iris.target), model)
    other = load(Table(pl.from_pandas(iris.frame), target="target"), model)
    for dataset in (pair, other):
        np.testing.assert_array_equal(dataset.X_train.to_numpy(), frame.X_train.to_numpy())
    assert load(load_iris(), model).X_train.shape == frame.X_train.shape
    dense, sparse = (
        load((kind(iris.data.to_numpy()), iris.target.to_numpy()), Ridge()) for kind in (np.asarray, csr_array)
    )
    np.testing.assert_array_equal(sparse.X_train.toarray(), dense.X_train)
    assert dense.X_train.dtype == np.float64


def test_a_plain_numeric_csv_of_an_old_log_is_read_by_its_rules(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(50, 3)), columns=list("abc")).assign(y=np.arange(50) % 2).to_csv(
        tmp_path / "t.csv", index=False
    )
    old, new = load(tmp_path / "t.csv", MLPClassifier(), reader=1), load(tmp_path / "t.csv", MLPClassifier())
    assert old.X_train.dtype == np.float32
    assert old.digest != new.digest
    assert new.reader == READER


def test_nothing_is_lost_of_what_the_cases_hold(tmp_path: Path) -> None:
    tables.write_houses(tmp_path)
    typed = pd.read_parquet(tmp_path / "houses.parquet")
    for name in ("houses.csv", "houses_latin1.csv"):
        frame = frame_of(tmp_path / name)
        assert frame["area"].tolist() == typed["area"].tolist()
        np.testing.assert_array_equal(frame["year_built"], typed["year_built"])
        assert frame["district"].tolist() == typed["district"].tolist()


def test_a_bare_network_on_large_inputs_is_warned_with_the_pipeline_that_mends_it() -> None:
    rng = np.random.default_rng(0)
    X, y = np.column_stack([rng.integers(18, 90, 100), rng.random(100)]), np.arange(100) % 2
    (warning,) = load((X, y), MLPClassifier()).warnings
    assert "columns 0 (89) are large; write make_pipeline(StandardScaler(), MLPClassifier(…))" in warning
    assert not load((X, y), LogisticRegression()).warnings
    assert not load((X / 100, y), MLPClassifier()).warnings
    assert not load(pd.DataFrame(X).assign(y=y), MLPClassifier()).warnings  # a table is scaled


def test_a_column_that_equals_the_target_and_rows_on_both_sides_are_warned_of() -> None:
    frame = target_table()
    (leak,) = load(frame.assign(copy=frame["y"].map({0: "no", 1: "yes"}))).warnings
    assert "'copy' says the target 'y' in other words" in leak
    twice = pd.concat([frame, frame], ignore_index=True)
    (repeats,) = load(twice).warnings
    assert "validation rows are equal to a training row" in repeats


def test_a_first_row_that_counts_the_others_is_no_row(tmp_path: Path) -> None:
    rows = "\n".join(f"{i}.5,{i * 2}.1,{i % 3}" for i in range(30))
    (tmp_path / "t.csv").write_text(f"30,2,setosa,versicolor\n{rows}\n")
    assert frame_of(tmp_path / "t.csv").shape == (30, 3)
