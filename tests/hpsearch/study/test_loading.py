from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.errors import UserError
from hpsearch.study.loading import load_file, load_study, study_folders_last

HEAD = "from hpsearch import Choice, Float, MLPClassifier, Study\n"
GOOD = HEAD + 'study = Study("s", model=MLPClassifier(), data="digits", space={"l2": Float(0.1, 1)})\n'


def write(folder: Path, text: str, name: str = "s.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_file_gives_its_study_and_its_text(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = load_file(path)
    assert loaded.study.name == "s"
    assert loaded.source == GOOD
    assert loaded.path == path


def test_a_study_file_runs_as_a_script_does_but_for_its_name(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'beside'\n", "helper_beside.py")
    text = HEAD + (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom pathlib import Path\n"
        "from helper_beside import NAME\nassert Path(__file__).name == 'random.py'\nassert __name__ != '__main__'\n"
        "@dataclass\nclass C:\n    x: int = 1\n"
        "study = Study(NAME, objective=lambda trial: C().x)\n"
    )
    lines = text.splitlines(keepends=True)
    text = "".join([lines[1], lines[0], *lines[2:]])
    assert load_study(write(tmp_path, text, "random.py")).name == "beside"
    assert "hpsearch" not in str(sys.modules["random"].__file__)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study = (", r"s\.py:1: SyntaxError"),
        ("\n  x = 1\n", r"s\.py:2: IndentationError"),
        ("\n1 / 0\n", r"s\.py:2: ZeroDivisionError: division by zero"),
        ("raise ValueError\n", r"s\.py:1: ValueError$"),
        ("raise ValueError('two\\nlines')\n", r"s\.py:1: ValueError: two lines"),
        ("import sys\nsys.exit(3)\n", r"s\.py:2: the file ended the program \(exit 3\)"),
        ("import no_such_package\n", r"s\.py:1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("from hpsearch import Flot\n", r"s\.py:1: ImportError: cannot import name 'Flot'"),
        ("x = 1\n", r"s\.py: declares no variable 'study'; it must say study = Study\(…\)"),
        (GOOD.replace("study =", "search ="), r"s\.py: declares no variable 'study'; rename 'search' to 'study'"),
        ("study = 3\n", r"s\.py: 'study' is a int, not a Study"),
        (GOOD.replace("data=", "dta="), r"s\.py:2: Study has no parameter 'dta' \(did you mean 'data'\?\)"),
        (
            GOOD.replace("0.1, 1", "0.1, 1, logg=True"),
            r"s\.py:2: Float has no parameter 'logg' \(did you mean 'log'\?\)",
        ),
        (
            GOOD.replace("MLPClassifier()", "MLPClassifier(l_2=1)"),
            r"MLPClassifier has no parameter 'l_2' \(did you mean 'l2'",
        ),
        (GOOD.replace("0.1, 1", "0.1"), r"s\.py:2: Float needs 'high'"),
        (GOOD.replace("0.1, 1", "1, 0.1"), r"s\.py:2: Float\(1, 0\.1\): the range is inverted"),
        (
            GOOD.replace('"l2"', '"l_2"'),
            r"s\.py:2: study 's': space: MLPClassifier has no parameter 'l_2' \(did you mean 'l2'",
        ),
        ("def f():\n    raise KeyError('k')\nf()\n", r"s\.py:2: KeyError: 'k'"),
        ("a = '\0'\n", r"s\.py.*: "),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        load_study(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_file_beside_is_found_there(tmp_path: Path) -> None:
    write(tmp_path, "\n\n1 / 0\n", "helper_broken.py")
    with pytest.raises(UserError, match=r"helper_broken\.py:3: ZeroDivisionError"):
        load_study(write(tmp_path, "import helper_broken\n"))


def test_a_wrong_path_brings_the_near_one(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "eta_lambda.py")
    with pytest.raises(UserError, match=r"no such file \(did you mean 'eta_lambda\.py'\?\)"):
        load_study(tmp_path / "eta_lamda.py")
    with pytest.raises(UserError, match="does not exist either"):
        load_study(tmp_path / "no" / "eta.py")
    with pytest.raises(UserError, match=r"a folder, not a study file; it holds eta_lambda\.py"):
        load_study(tmp_path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="no text in UTF-8"):
        load_study(path)


def test_an_interrupt_is_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_study(write(tmp_path, "raise KeyboardInterrupt\n"))


def test_a_file_read_again_is_run_again(tmp_path: Path) -> None:
    assert load_study(write(tmp_path, GOOD)).name == "s"
    assert load_study(write(tmp_path, GOOD.replace('"s"', '"t"'))).name == "t"


def test_a_relative_path_is_told_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^s\.py:1: ZeroDivisionError"):
        load_study("s.py")


def test_a_study_is_the_same_run_as_a_script_and_loaded(tmp_path: Path) -> None:
    text = HEAD + (
        "class Mine(MLPClassifier):\n    pass\n"
        'study = Study("s", model=Mine(), data="digits")\n'
        "if __name__ == '__main__':\n"
        "    from hpsearch.study.declaration import declare, identity\n    print(identity(declare(study)))\n"
    )
    path = write(tmp_path, text)
    completed = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    from hpsearch.study.declaration import declare, identity

    assert completed.stdout.strip() == identity(declare(load_study(path)))


BY_DATA = HEAD + (
    'def study(data="digits"):\n'
    '    return Study("s", model=MLPClassifier(max_epochs=5 if data == "digits" else 60), data=data)\n'
)
SEVERAL = HEAD + 'studies = [Study(name, model=MLPClassifier(), data="digits") for name in ("a", "b")]\n'


def test_a_study_may_be_a_function_of_the_data(tmp_path: Path) -> None:
    path = write(tmp_path, BY_DATA)
    for data, name, epochs in ((None, "s", 5), ("digits", "s", 5), ("mnist", "s@mnist", 60), ("a/b.csv", "s@b", 60)):
        loaded = load_file(path, data)
        assert loaded.by_data
        assert (loaded.study.name, loaded.study.model.max_epochs) == (name, epochs)
    assert not load_file(write(tmp_path, GOOD), "mnist").by_data


def test_a_file_may_declare_several_studies(tmp_path: Path) -> None:
    path = write(tmp_path, SEVERAL)
    assert [study.name for study in load_file(path).studies] == ["a", "b"]
    assert load_study(path, "b@mnist").name == "b"
    with pytest.raises(UserError, match="declares 2 studies, where one is needed"):
        load_study(path)


def test_a_file_says_what_it_is_about(tmp_path: Path) -> None:
    assert load_file(write(tmp_path, '"""What it is.\n\nMore.\n"""\n' + GOOD)).about == "What it is.\n\nMore."
    assert load_file(write(tmp_path, GOOD)).about == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "studies = [study]\n", "declares both 'study' and 'studies'"),
        ("studies = []\n", "'studies' is empty"),
        ("studies = 3\n", "'studies' is a int, not a list of them"),
        (SEVERAL.replace('"b"', '"a"'), "two studies are called 'a'"),
        (BY_DATA.replace('data="digits"', "data"), r"study must be a function of the data with a default: def study\("),
        (BY_DATA.replace("max_epochs=5", "max_epocs=5"), r"s\.py:3: MLPClassifier has no parameter 'max_epocs'"),
        (BY_DATA.replace('"s",', '"",'), r"s\.py:3: a study's name must be a text"),
    ],
)
def test_a_mistake_in_several_studies_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_study(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_folders_of_study_files_come_first_but_last_where_a_process_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text("from hpsearch import Study\nstudy = Study('mine', objective=print, space={})\n")
    load_study(tmp_path / "mine.py")
    before = list(sys.path)
    assert before[0] == str(tmp_path)
    with study_folders_last():
        assert sys.path.index(str(tmp_path)) > sys.path.index(str(Path(pytest.__file__).parents[1]))
        assert sorted(sys.path) == sorted(before)
        sys.path.append("added meanwhile")
    assert sys.path == [*before, "added meanwhile"]
