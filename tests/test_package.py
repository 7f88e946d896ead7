"""The package on disk: one name, ``hpsearch``, which works beside a project's own files of whatever names."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import links  # noqa: E402 - found by the line above
import weight  # noqa: E402

LEFT_OUT = (".*", "__pycache__", "*.egg-info", "build", "dist", "venv", "mlruns", "shared")
BUILD = "import setuptools.build_meta as b; b.build_{what}({target!r})"

PURE = """\
from models.foo import WHERE
from training import TABLE

from hpsearch import Float, Study


def objective(trial):
    from models import foo

    yield {"loss": (trial["x"] - 1) ** 2 + len(WHERE) + len(foo.WHERE) + len(TABLE)}


study = Study(
    name="pure", objective=objective, space={"x": Float(-3, 3)}, metric="loss", direction="minimize",
    epochs=1, sampler="random", pruner="none", n_trials=4, lanes=2,
)
"""

FOREST = """\
from sklearn.ensemble import RandomForestClassifier

from hpsearch import Int, Study

study = Study(
    name="forest", model=RandomForestClassifier(n_estimators=5), space={"max_depth": Int(2, 6)}, data="digits",
    sampler="random", n_trials=4,
)
"""


def call(*words: object, cwd: Path | None = None, status: int = 0, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= variables
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [str(word) for word in words]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def python(folder: Path) -> Path:
    return folder / "bin" / "python"


def environment(folder: Path, *beside: Path) -> Path:
    """Make an environment that sees the packages of this one and of others, but no editable hpsearch of theirs."""
    call(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    lines = [*map(str, beside), sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]]
    (site / "outer.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def install(folder: Path, *words: object) -> None:
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python(folder))
    call(*pip, "install", "--no-deps", *words)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the setuptools that builds the package."""
    folder = environment(tmp_path_factory.mktemp("builder") / "venv")
    try:
        install(folder, "--ignore-installed", "setuptools>=77")
    except AssertionError as error:
        pytest.skip(f"setuptools cannot be installed here: {str(error).strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the repository, its link a link."""
    folder = tmp_path_factory.mktemp("source") / "repository"
    shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return folder


@pytest.fixture(scope="module")
def wheel(builder: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    call(python(builder), "-c", BUILD.format(what="wheel", target=str(target)), cwd=source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = environment(tmp_path_factory.mktemp("installed") / "venv")
    install(folder, "--no-index", wheel)
    return folder


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_brings_one_name_and_all_of_it(wheel: Path) -> None:
    brought = files(wheel)
    assert {name.partition("/")[0] for name in brought} == {"hpsearch"}
    own = [path for path in (ROOT / "hpsearch").rglob("*") if "models" not in path.relative_to(ROOT).parts[1:2]]
    sources = [(path, path.relative_to(ROOT)) for path in own]
    sources += [(path, Path("hpsearch") / path.relative_to(ROOT)) for path in (ROOT / "models").rglob("*")]
    expected = {name.as_posix() for path, name in sources if path.is_file() and "__pycache__" not in name.parts}
    assert brought == expected


def test_the_packages_description_is_the_readme_with_links_that_hold(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(archive.read(name).decode("utf-8"))
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert str(metadata.get_payload()).strip() == links.package_readme().strip()


def test_an_index_takes_the_wheel_and_can_show_its_description(builder: Path, wheel: Path) -> None:
    try:
        call(sys.executable, "-m", "pip", "--quiet", "--python", python(builder), "install", "twine>=6")
    except AssertionError as error:
        pytest.skip(f"twine cannot be installed here: {str(error).strip().splitlines()[-1]}")
    output = call(python(builder), "-m", "twine", "--no-color", "check", "--strict", wheel)
    assert output.rstrip().endswith("PASSED")


def test_a_wheel_of_the_sdist_is_the_same(builder: Path, source: Path, wheel: Path, tmp_path: Path) -> None:
    call(python(builder), "-c", BUILD.format(what="sdist", target=str(tmp_path)), cwd=source)
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        brought = {member.name.partition("/")[2] for member in archive}
        assert {"docs/tutorial.md", "studies/eta_lambda.py", "tests/test_package.py", "CHANGELOG.md"} <= brought
        assert not [name for name in brought if "__pycache__" in name]
        archive.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    call(python(builder), "-c", BUILD.format(what="wheel", target=str(tmp_path)), cwd=folder)
    (again,) = tmp_path.glob("*.whl")
    assert files(again) == files(wheel)


def test_a_checkout_without_links_is_refused_with_what_to_do(builder: Path, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(source, folder, symlinks=True)
    (folder / "hpsearch" / "models").unlink()
    (folder / "hpsearch" / "models").write_text("../models", encoding="utf-8")  # as git does without core.symlinks
    output = call(python(builder), "-c", BUILD.format(what="wheel", target=str(tmp_path)), cwd=folder, status=1)
    assert "git config core.symlinks true" in output
    assert not list(tmp_path.glob("*.whl"))


def test_an_editable_install_brings_one_name_too(builder: Path, source: Path, tmp_path: Path) -> None:
    (site,) = builder.glob("lib/python*/site-packages")
    folder = environment(tmp_path / "venv", site)
    install(folder, "--no-index", "--no-build-isolation", "--editable", source)
    code = "import hpsearch.models.kernels as k; from importlib.util import find_spec as f; print(k.__file__); "
    code += "print([name for name in ('models', 'studies', 'tests') if f(name) and f(name).origin])"
    place, names = call(python(folder), "-P", "-c", code, cwd=tmp_path).splitlines()
    assert Path(place).resolve() == source.resolve() / "models" / "kernels.py"
    assert names == "[]"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages and modules of its own that are called as ours, or as a library of the workers'."""
    for package in ("models", "studies", "tests"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "models" / "foo.py").write_text("WHERE = 'mine'\n", encoding="utf-8")
    (tmp_path / "training.py").write_text("TABLE = [1, 2]\n", encoding="utf-8")
    for module in ("hpsearch", "estimator", "kernels", "space", "distributed"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(f'{__file__} was imported')\n", encoding="utf-8")
    text = (ROOT / "studies" / "eta_lambda.py").read_text(encoding="utf-8")
    short = text.replace("n_trials=64", "n_trials=4, lanes=2").replace("max_epochs=30", "max_epochs=3")
    assert short.count("=4, lanes") == short.count("=3)") == 1
    (tmp_path / "eta_lambda.py").write_text(short, encoding="utf-8")
    (tmp_path / "pure.py").write_text(PURE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_studies_run_in_a_hostile_folder(workers: int, installed: Path, project: Path) -> None:
    hpsearch = installed / "bin" / "hpsearch"
    for study in ("eta_lambda", "pure"):
        output = call(hpsearch, "run", f"{study}.py", "--workers", workers, cwd=project)
        assert f"{study} is done: 4 trials" in output
        assert "not yet in MLflow" not in output
    curves = call(hpsearch, "export", "pure", "--curves", cwd=project).splitlines()
    assert all(float(line.rpartition(",")[2]) >= 10 for line in curves[1:])  # 4 + 4 + 2 by the project's own modules
    assert "eta_lambda" in call(hpsearch, "ls", cwd=project)


@pytest.fixture(scope="module")
def lean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it requires, and nothing that an extra brings."""
    folder = tmp_path_factory.mktemp("lean")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = folder / "site"
    site.mkdir()
    for name in weight.closure(project["dependencies"], project["optional-dependencies"]):
        for file in metadata.files(name) or ():
            first = file.parts[0]
            place = Path(str(file.locate()))
            if first != ".." and place.exists() and not (site / first).exists():
                (site / first).symlink_to(Path(*place.parts[: len(place.parts) - len(file.parts) + 1]))
    made = folder / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", made)
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(f"{site}\n", encoding="utf-8")
    install(made, "--no-index", wheel)
    return made


def test_the_core_searches_fits_and_shows_without_mlflow_pyarrow_and_matplotlib(lean: Path, project: Path) -> None:
    extra = ("mlflow", "pyarrow", "matplotlib", "distributed", "openpyxl")
    code = f"from importlib.util import find_spec; print([name for name in {extra} if find_spec(name)])"
    assert call(python(lean), "-P", "-c", code) == "[]\n"
    hpsearch = lean / "bin" / "hpsearch"
    (project / "forest.py").write_text(FOREST, encoding="utf-8")
    for study in ("eta_lambda", "pure", "forest"):
        output = call(hpsearch, "run", f"{study}.py", cwd=project)
        assert f"{study} is done: 4 trials" in output
        assert output.count("MLflow") == output.count("pip install 'hpsearch[mlflow]', then `hpsearch sync`") + 1 == 2
        assert f"hpsearch watch {study}" in output
        assert "hpsearch ui" not in output
        assert "is not in MLflow" not in output  # the model of each is kept, for when MLflow is there
    assert (project / "mlruns" / "studies" / "forest" / "model" / "card.json").is_file()
    call(hpsearch, "show", "forest", cwd=project)
    call(hpsearch, "explain", "eta_lambda", cwd=project)
    call(hpsearch, "export", "forest", "--format", "json", cwd=project)
    call(hpsearch, "watch", "eta_lambda", "-o", "page.html", cwd=project)
    call(hpsearch, "report", "forest", cwd=project)
    for extra, words in {
        "mlflow": ("run", "forest.py", "--tracking-uri", "http://127.0.0.1:9"),
        "parquet": ("export", "forest", "--format", "parquet", "-o", "forest.parquet"),
        "cluster": ("run", "forest.py", "--trials", 5, "--scheduler", "tcp://127.0.0.1:9"),
    }.items():
        output = call(hpsearch, *words, cwd=project, status=2)
        assert f"pip install 'hpsearch[{extra}]'" in output
        assert output.count("\n") == 1, output


def test_a_folder_of_any_name_will_do_without_git_and_without_a_home(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Meine Läufe – ÄÖÜ 100 %"
    folder.mkdir()
    rows = "\n".join(f"{x},{x * 2 % 7},{'ja' if x % 3 else 'nein'}" for x in range(60))
    (folder / "größe der häuser.csv").write_text(f"fläche,zimmer,teuer\n{rows}\n", encoding="utf-8")
    hpsearch = installed / "bin" / "hpsearch"
    nowhere = tmp_path / "home"
    nowhere.mkdir(mode=0o500)  # as a container's: nothing can be written there, but by root
    bare = {"HOME": str(nowhere), "PATH": str(installed / "bin"), "XDG_CACHE_HOME": ""}
    call(
        hpsearch,
        "run",
        "--data",
        "größe der häuser.csv",
        "--target",
        "teuer",
        "--trials",
        2,
        "--epochs",
        2,
        cwd=folder,
        **bare,
    )
    output = call(hpsearch, "ls", cwd=folder, **bare)
    (name,) = (path.name for path in (folder / "mlruns" / "studies").iterdir())
    assert name in output
    call(hpsearch, "report", name, "-o", "bericht ä.html", cwd=folder, **bare)
    call(hpsearch, "watch", name, "-o", "seite ö.html", cwd=folder, **bare)
    assert (folder / "seite ö.html").stat().st_size > 50_000
