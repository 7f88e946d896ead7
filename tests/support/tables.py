"""Small tables of the kinds that people have, each with a fault of its own."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd


def houses(n: int = 600) -> pd.DataFrame:
    """Row numbers without a name, integers, empty cells, categories, dates, yes/no, and an integer price."""
    rng = np.random.default_rng(0)
    area = rng.integers(35, 240, n)
    year = rng.integers(1900, 2024, n).astype(float)
    district = rng.choice(["Centre", "Old town", "Côté nord", "Harbour"], n, p=[0.4, 0.3, 0.2, 0.1])
    sold = pd.to_datetime("2019-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), "D")
    garden = rng.choice(["yes", "no"], n)
    price = 1500 * area + 400 * (year - 1900) + 60_000 * (district == "Centre") + 20_000 * (garden == "yes")
    price = price + 40 * (sold - pd.to_datetime("2019-01-01")).days + rng.normal(0, 9_000, n)
    year[rng.random(n) < 0.15] = np.nan
    columns = {"": np.arange(1, n + 1), "area": area, "year_built": year, "district": district, "sold": sold.date}
    return pd.DataFrame({**columns, "garden": garden, "price": price.round().astype(int)})


def write_houses(folder: Path, n: int = 600) -> Path:
    """Write houses.csv, houses.parquet and houses_latin1.csv; return the first."""
    frame = houses(n)
    frame.to_csv(folder / "houses.csv", index=False)
    typed = frame.drop(columns="")
    typed.to_parquet(folder / "houses.parquet")
    typed.rename(columns={"price": "preço"}).to_csv(
        folder / "houses_latin1.csv", sep=";", decimal=",", encoding="latin-1", index=False
    )
    return folder / "houses.csv"


def write_rare(folder: Path) -> Path:
    """Write a table with 3 % of one class."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(800, 6))
    value = x @ [2.0, -1.5, 1, 0, 0, 0] + rng.normal(0, 0.7, 800)
    frame = pd.DataFrame(x, columns=list("abcdef")).assign(fraud=(value > np.quantile(value, 0.97)).astype(int))
    frame.to_csv(folder / "rare.csv", index=False)
    return folder / "rare.csv"


def write_no_header(folder: Path) -> Path:
    """Write a table without a header, with ? for missing cells and the names of three classes last."""
    rng = np.random.default_rng(2)
    kind = rng.integers(0, 3, 800)
    x = rng.normal(size=(800, 4))
    lines = [
        ",".join(
            [
                *("?" if rng.random() < 0.05 else f"{v:.3f}" for v in x[i] + 2 * kind[i]),
                ["setosa", "mixta", "alba"][kind[i]],
            ]
        )
        for i in range(800)
    ]
    (folder / "no_header.data").write_text("\n".join(lines) + "\n")
    return folder / "no_header.data"


def write_sensor(folder: Path) -> Path:
    """Write a compressed table of half seconds since 1970, the target first."""
    seconds = 1_700_000_000 + np.arange(800) / 2
    state = np.where((np.arange(800) // 2) % 2 == 0, "on", "off")
    with gzip.open(folder / "sensor.tsv.gz", "wt") as file:
        pd.DataFrame({"state": state, "unix_seconds": seconds}).to_csv(file, sep="\t", index=False)
    return folder / "sensor.tsv.gz"


def write_patients(folder: Path) -> Path:
    """Write 20 rows each of 40 patients, whose label says nothing about their markers."""
    rng = np.random.default_rng(3)
    patients = rng.integers(0, 40, 800)
    markers = rng.normal(size=(40, 5))[patients] + rng.normal(0, 0.05, (800, 5))
    frame = pd.DataFrame(markers, columns=[f"marker{i}" for i in range(5)])
    frame.assign(patient=patients, ill=(patients % 2).astype(int)).to_csv(folder / "patients.csv", index=False)
    return folder / "patients.csv"


def write_flawed(folder: Path) -> None:
    """Write one_class.csv, lonely_class.csv and no_answer.csv."""
    rng = np.random.default_rng(4)
    pd.DataFrame({"a": rng.normal(size=50), "y": "same"}).to_csv(folder / "one_class.csv", index=False)
    lonely = pd.DataFrame({"a": rng.normal(size=90), "y": ["x"] * 60 + ["y"] * 29 + ["z"]})
    lonely.to_csv(folder / "lonely_class.csv", index=False)
    empty = pd.DataFrame({"a": [1.0, 2.0, np.nan] * 30, "y": [0, 1, np.nan] * 30})
    empty.to_csv(folder / "no_answer.csv", index=False)
