"""``hpsearch report``, ``compare`` and ``export --format optuna`` as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import logs
import pytest

from hpsearch.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hpsearch(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Type a command in a folder with two studies; gives the exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    logs.write(tmp_path / "mlruns", logs.records("eta_lambda@mnist"))
    logs.write(tmp_path / "mlruns", logs.records("depth"))

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def test_report_writes_a_page_named_after_the_study(hpsearch: Run) -> None:
    assert hpsearch("report", "eta_lambda") == (0, "wrote eta_lambda@mnist.html\n", "")
    assert "<title>eta_lambda@mnist" in Path("eta_lambda@mnist.html").read_text(encoding="utf-8")


def test_report_writes_where_it_is_told_to(hpsearch: Run, tmp_path: Path) -> None:
    assert hpsearch("report", "depth", "-o", "page.html")[0] == 0
    assert "<title>depth" in (tmp_path / "page.html").read_text(encoding="utf-8")
    code, _, err = hpsearch("report", "depth", "-o", "absent/page.html")
    assert (code, err) == (2, "error: absent/page.html: cannot be written (No such file or directory)\n")


def test_a_study_that_does_not_exist_has_no_report(hpsearch: Run) -> None:
    code, _, err = hpsearch("report", "dept")
    assert (code, err) == (2, "error: no study 'dept' in mlruns (did you mean 'depth'?)\n")


def test_compare_shows_a_row_per_study_and_the_paired_test(hpsearch: Run) -> None:
    code, out, _ = hpsearch("compare", "depth", "eta_lambda")
    assert code == 0
    assert "eta_lambda@mnist" in out
    assert (
        "depth − eta_lambda@mnist: +0 on average over 2 pairs (the same points); no test, a test needs 3 pairs" in out
    )


def test_compare_prints_json_for_scripts(hpsearch: Run) -> None:
    code, out, _ = hpsearch("compare", "depth", "eta_lambda", "--json")
    assert code == 0
    value = json.loads(out)
    assert [study["study"] for study in value["studies"]] == ["depth", "eta_lambda@mnist"]
    assert value["pairs"][0]["n"] == 2


@pytest.mark.parametrize("names", [("depth",), ("depth", "depth"), ("eta_lambda", "eta_lambda@mnist")])
def test_a_study_is_not_compared_with_itself(hpsearch: Run, names: tuple[str, ...]) -> None:
    code, _, err = hpsearch("compare", *names)
    assert (code, err) == (2, "error: compare takes two studies or more; `hpsearch ls` lists them\n")


def test_export_writes_an_optuna_journal(hpsearch: Run) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    code, out, err = hpsearch("export", "depth", "--format", "optuna", "-o", "depth.log")
    assert (code, out) == (0, "")
    assert err.startswith("Optuna holds one curve a trial, that of val_accuracy; of cost it has the values")
    study = optuna.load_study(study_name="depth", storage=JournalStorage(JournalFileBackend("depth.log")))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE"]
    assert study.trials[3].intermediate_values == {1: 0.7, 2: 0.9, 3: 0.85}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--format", "optuna"), "optuna is no text: name a file with -o"),
        (("--format", "optuna", "--curves", "-o", "x"), "leave --curves out"),
    ],
)
def test_export_says_what_optunas_format_needs(hpsearch: Run, args: tuple[str, ...], message: str) -> None:
    code, _, err = hpsearch("export", "depth", *args)
    assert code == 2
    assert message in err
