from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import edits
import pytest

from hpsearch.study.declaration import changes, declare, identity
from hpsearch.study.loading import load_file

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return edits.identities(tmp_path_factory.mktemp("unedited"))


@pytest.mark.parametrize("edit", edits.CHANGES, ids=lambda edit: edit.name)
def test_an_edit_that_changes_what_is_computed_makes_another_study(
    edit: edits.Edit, unedited: list[str], tmp_path: Path
) -> None:
    assert edits.identities(tmp_path, edit) != unedited


@pytest.mark.parametrize("edit", edits.KEEPS, ids=lambda edit: edit.name)
def test_an_edit_that_changes_nothing_leaves_the_study_what_it_is(
    edit: edits.Edit, unedited: list[str], tmp_path: Path
) -> None:
    assert edits.identities(tmp_path, edit) == unedited


@pytest.mark.slow
def test_the_identity_depends_neither_on_the_hash_seed_nor_on_the_folder(unedited: list[str], tmp_path: Path) -> None:
    script = "import sys, edits, pathlib; print('\\n'.join(edits.identities(pathlib.Path(sys.argv[1]))))"
    for seed in ("0", "1", "4242"):
        folder = tmp_path / f"moved{seed}"
        folder.mkdir()
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
        completed = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert completed.stdout.split() == unedited


def others() -> list[str]:
    """Interpreters of other versions that are installed here."""
    names = [f"python3.{minor}" for minor in (11, 12, 13, 14) if minor != sys.version_info.minor]
    places = [Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep) for name in names]
    places += [
        Path(sys.base_prefix).parent / python_folder.name / "bin" / "python"
        for minor in (11, 12, 13, 14)
        for python_folder in Path(sys.base_prefix).parent.glob(f"3.{minor}.*")
        if minor != sys.version_info.minor
    ]
    return [str(path) for path in places if path.is_file() and "shims" not in path.parts]


@pytest.mark.slow
@pytest.mark.skipif(not others(), reason="no other version of Python is installed here")
def test_the_text_of_code_is_the_same_under_every_version_of_python() -> None:
    script = dedent("""
        import ast, hashlib, pathlib, sys
        sys.path.insert(0, sys.argv[1])
        from hpsearch.study.code_tree import canonical, names_used
        for path in sorted(pathlib.Path(sys.argv[1], "hpsearch").rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            told = canonical(tree.body) + repr(sorted((k, sorted(v)) for k, v in names_used(tree.body).items()))
            print(path.name, hashlib.sha256(told.encode()).hexdigest())
    """)
    texts = {}
    for python in (sys.executable, *others()):
        completed = subprocess.run(
            [python, "-S", "-c", script, str(ROOT)], capture_output=True, text=True, check=True, timeout=120
        )
        texts[python] = completed.stdout
    assert len(set(texts.values())) == 1
    assert texts[sys.executable].count("\n") > 100


def of(folder: Path, code: str, **files: str) -> dict[str, Any]:
    """The declaration of the study in a file, loaded as by a process of its own."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")
        sys.modules.pop(name, None)
    path = folder / "made.py"
    path.write_text(f"from hpsearch import Float, Study\n{dedent(code)}", encoding="utf-8")
    before = list(sys.path)
    try:
        value: dict[str, Any] = json.loads(json.dumps(declare(load_file(path).study)))
    finally:
        sys.path[:] = before
        for name in files:
            sys.modules.pop(name, None)
    return value


STUDY = '\nstudy = Study("s", objective=objective, space={"x": Float(0, 1)}, metric="score")\n'


def same(folder: Path, one: str, other: str) -> bool:
    declarations = []
    for number, code in enumerate((one, other)):
        folder_of_one = folder / str(number)
        folder_of_one.mkdir(exist_ok=True)
        declarations.append(identity(of(folder_of_one, dedent(code) + STUDY)))
    return declarations[0] == declarations[1]


@pytest.mark.parametrize(
    "start",
    [
        "import time\nSTART = time.time()",
        "from time import time as now\nSTART = now()",
        "import datetime\nSTART = datetime.datetime.now().timestamp()",
        "import random\nSTART = random.random()",
        "import uuid\nSTART = str(uuid.uuid4())",
        "import os\nSTART = os.getpid()",
        "import numpy as np\nSTART = float(np.random.default_rng().random())",
        "import numpy as np\nSTART = float(np.random.rand())",
        "def stamp():\n    import time\n    return time.time()\nSTART = stamp()",
        "import tempfile\nSTART = tempfile.mkdtemp()",
        "START = object()",
        "import logging, threading\nSTART = (logging.getLogger('a'), threading.Lock())",
    ],
)
def test_what_is_made_anew_each_time_counts_by_the_code_that_makes_it(start: str, tmp_path: Path) -> None:
    code = start + "\n\ndef objective(trial):\n    return trial['x'] if START else 0\n"
    assert same(tmp_path, code, code)
    assert not same(tmp_path, code, code.replace("if START", "if not START"))


REACHES = [
    line.split(" || ")
    for line in r"""
import os\nRATE = float(os.environ.get('NO_SUCH', '0.5'))\ndef objective(t): return RATE || '0.5' || '0.6'
import numpy as np\nRATE = np.linspace(0, 1, 5)\ndef objective(t): return RATE.sum() || 5) || 6)
RATES = {}\nRATES['a'] = 1\ndef objective(t): return RATES['a'] || = 1 || = 2
def objective(t):\n    return [RATE for _ in range(3)][0]\nRATE = 1 || RATE = 1 || RATE = 2
N = {3, 1, 2}\ndef objective(t): return sum(N) || 3, 1 || 4, 1
class A:\n  def f(self): return 1\nclass B(A): pass\nb = B()\ndef objective(t): return b.f() || return 1 || return 2
def even(n): return odd(n - 1)\ndef odd(n): return n != 0 and even(n)\ndef objective(t): return even(2) || != 0 || > 0
from functools import lru_cache\n@lru_cache\ndef f(x): return x\ndef objective(t): return f(1) || return x || return -x
f = lambda x: x; g = lambda x: 2 * x\ndef objective(t): return f(1) + g(1) || 2 * x || 3 * x
def objective(t, *, rate=0.5): return rate || 0.5 || 0.6
class Net:\n  def __init__(self, n): self.n = n\nnet = Net(3)\ndef objective(t): return net.n || Net(3) || Net(4)
import enum\nclass E(enum.Enum):\n  A = 1\ndef objective(t): return E.A.value || A = 1 || A = 2
def objective(t):\n  def inner():\n    return RATE\n  return inner()\nRATE = 1 || RATE = 1 || RATE = 2
def o():\n  k = 1\n  class F:\n    def __call__(self, t): return k\n  return F()\nobjective = o() || = 1 || = 2
def objective(t):\n    return f'{t[0]:.{DIGITS}f}'\nDIGITS = 3 || = 3 || = 4
def objective(t):\n    from math import floor as f\n    return f(3) || floor || ceil
import os.path as p\ndef objective(t): return p.join('a') || os.path as || os as
from dataclasses import dataclass\n@dataclass\nclass C:\n  a: int = 1\ndef objective(t): return C().a || = 1 || = 2
from dataclasses import dataclass\n@dataclass\nclass C:\n a: int = 1\ndef objective(t): return C().a || : int || : float
import dataclasses as d\n@d.dataclass(slots=True)\nclass C:\n a: int = 1\ndef objective(t): return C().a || = 1 || = 2
from typing import NamedTuple\nclass C(NamedTuple):\n  a: int = 1\ndef objective(t): return C().a || = 1 || = 2
""".strip().splitlines()
]


@pytest.mark.parametrize(("code", "old", "new"), REACHES)
def test_whatever_reaches_the_objective_counts(code: str, old: str, new: str, tmp_path: Path) -> None:
    code = code.replace("\\n", "\n")
    assert code.count(old) == 1
    assert same(tmp_path, code, code)
    assert not same(tmp_path, code, code.replace(old, new))


def test_a_helper_moved_to_a_module_beside_the_study_is_the_same_helper(tmp_path: Path) -> None:
    helper = "def scale(x):\n    return FACTOR * x\n\nFACTOR = 3\n"
    use = "def objective(trial):\n    return scale(trial['x'])\n" + STUDY
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    beside = of(tmp_path / "a", helper + use)
    moved = of(tmp_path / "b", "from besides import scale\n" + use, besides=helper)
    assert identity(beside) == identity(moved)
    (tmp_path / "c").mkdir()
    assert identity(
        of(tmp_path / "c", "from besides import scale\n" + use, besides=helper.replace("3", "4"))
    ) != identity(beside)


def test_a_module_that_is_imported_when_the_objective_runs_counts_too(tmp_path: Path) -> None:
    code = (
        "def objective(trial):\n    import besides\n    from besides import scale\n    return scale(2) + besides.RATE\n"
    )
    helper = "RATE = 1\n\ndef scale(x):\n    return 2 * x\n\ndef other(x):\n    return x\n"
    identities = []
    for number, text in enumerate((helper, helper.replace("2 *", "3 *"), helper.replace("= 1", "= 2"))):
        (tmp_path / str(number)).mkdir()
        identities.append(identity(of(tmp_path / str(number), code + STUDY, besides=text)))
    assert len(set(identities)) == 3
    (tmp_path / "unused").mkdir()
    assert (
        identity(of(tmp_path / "unused", code + STUDY, besides=helper.replace("return x\n", "return -x\n")))
        == identities[0]
    )


def test_what_trials_change_counts_as_it_was_before_the_first_one(tmp_path: Path) -> None:
    code = """
        import besides

        SEEN = []
        CACHE = {"a": 1}
        COUNT = 0

        def note(x):
            global COUNT
            COUNT += 1
            SEEN.append(x)
            besides.remember(x)

        def make():
            calls = []
            def inner(trial):
                calls.append(trial)
                note(trial["x"])
                CACHE[trial["x"]] = COUNT
                return len(SEEN) + CACHE["a"]
            return inner

        objective = make()
    """
    helper = "MEMORY = {}\n\ndef remember(x):\n    MEMORY[x] = True\n"
    path = tmp_path / "made.py"
    (tmp_path / "besides.py").write_text(helper, encoding="utf-8")
    path.write_text(f"from hpsearch import Float, Study\n{dedent(code)}{STUDY}", encoding="utf-8")
    sys.modules.pop("besides", None)
    study = load_file(path).study
    before = identity(declare(study))
    assert study.objective is not None
    for x in (1, 2, 3):
        study.objective({"x": x})
    assert identity(declare(study)) == before
    other = dedent(code).replace('{"a": 1}', '{"a": 2}')
    path.write_text(f"from hpsearch import Float, Study\n{other}{STUDY}", encoding="utf-8")
    assert identity(declare(load_file(path).study)) != before
    sys.modules.pop("besides", None)


def test_what_changed_is_told_old_and_new(tmp_path: Path) -> None:
    code = "RATE = 0.5\n\ndef scale(x):\n    y = 2 * x\n    return y\n\n"
    code += "def objective(trial):\n    return RATE * scale(trial['x'])\n"
    old = of(tmp_path, code + STUDY)
    assert changes(old, of(tmp_path, code.replace("0.5", "0.25") + STUDY)) == ["objective uses RATE: 0.5 -> 0.25"]
    assert changes(old, of(tmp_path, code.replace("2 * x", "3 * x") + STUDY)) == [
        "objective uses scale: y = 2 * x -> y = 3 * x"
    ]
    assert changes(old, of(tmp_path, code.replace("RATE * s", "s") + STUDY)) == [
        "objective: return RATE * scale(trial['x']) -> return scale(trial['x'])",
        "objective uses RATE: 0.5 -> absent",
    ]


def test_a_secret_reaches_no_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import os
        API_KEY = os.environ["MADE_UP_KEY"]
        ADDRESS = os.environ["MADE_UP_ADDRESS"]

        def objective(trial):
            return len(API_KEY) + len(ADDRESS)
    """
    monkeypatch.setenv("MADE_UP_KEY", "hush-hush")
    monkeypatch.setenv("MADE_UP_ADDRESS", "user:pass@host")
    first = of(tmp_path, dedent(code) + STUDY)
    assert "hush" not in json.dumps(first)
    assert "user:pass" not in json.dumps(first)
    monkeypatch.setenv("MADE_UP_KEY", "another")
    assert identity(of(tmp_path, dedent(code) + STUDY)) == identity(first)


def test_code_without_a_source_is_told_of_and_may_be_told_apart_by_a_version(tmp_path: Path) -> None:
    code = """
        made = {}
        exec("def objective(trial):\\n    return 1\\n", made)
        objective = made["objective"]
    """
    path = tmp_path / "made.py"
    body = dedent(code) + STUDY
    path.write_text(f"from hpsearch import Float, Study\n{body}", encoding="utf-8")
    messages: list[str] = []
    declare(load_file(path).study, notice=messages.append)
    assert len(messages) == 1
    assert "version=" in messages[0]
    assert "the source of objective cannot be read" in messages[0]
    body = body.replace("metric=", "version='2', metric=")
    path.write_text(f"from hpsearch import Float, Study\n{body}", encoding="utf-8")
    versioned = load_file(path).study
    messages.clear()
    assert declare(versioned, notice=messages.append)["version"] == "2"
    assert messages == []


def test_a_study_typed_into_python_has_an_identity(tmp_path: Path) -> None:
    script = (
        "from hpsearch import Study, Float\nfrom hpsearch.study.declaration import declare\n"
        "study = Study('s', objective=lambda t: t['x'], space={'x': Float(0, 1)})\ntold = []\n"
        "print(declare(study, notice=told.append)['objective']['function'], len(told))"
    )
    completed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    assert completed.stdout.split()[0] == "<lambda>"


def test_cells_of_a_notebook_are_read(tmp_path: Path) -> None:
    script = dedent("""
        import linecache, json
        from hpsearch.study.declaration import declare, identity
        from hpsearch import Study, Float
        In, out = [], []
        def cell(text):
            name = f"<ipython-input-{len(In)}>"
            In.append(text)
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            exec(compile(text, name, "exec"), globals())
        cell("import time\\nSTART = time.time()\\nRATE = 0.5")
        cell("def objective(trial):\\n    return RATE * trial['x'] + START")
        cell("study = Study('s', objective=objective, space={'x': Float(0, 1)})")
        out.append(identity(declare(study)))
        cell("import time\\nSTART = time.time()")
        out.append(identity(declare(study)))
        cell("RATE = 0.25")
        out.append(identity(declare(study)))
        cell("def objective(trial):\\n    return RATE * trial['x'] - START")
        cell("study = Study('s', objective=objective, space={'x': Float(0, 1)})")
        out.append(identity(declare(study)))
        print(json.dumps(out))
    """)
    path = tmp_path / "kernel.py"
    path.write_text(f"del __file__\n{script}", encoding="utf-8")
    completed = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True, timeout=60)
    first, again, rate, code = json.loads(completed.stdout)
    assert first == again
    assert len({first, rate, code}) == 3


def test_what_a_function_imports_of_elsewhere_counts_alike_whether_it_has_been_loaded_or_not(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        dedent("""
        from hpsearch import Float, Study

        def objective(trial):
            import chunk_of_code
            import xml.dom as dom
            from wsgiref import util
            from wsgiref.util import guess_scheme
            return chunk_of_code.weight(util, dom.minidom, guess_scheme) + trial["x"]

        study = Study("lazy", objective=objective, space={"x": Float(0, 1)}, metric="loss")
        """)
    )
    (tmp_path / "chunk_of_code.py").write_text("import xml\n\ndef weight(*each):\n    return len(each)\n")
    script = (
        "import sys; from hpsearch.study.loading import load_file; "
        "from hpsearch.study.declaration import declare, identity; "
        "[__import__(name) for name in sys.argv[1:]]; "
        "print(identity(declare(load_file('study.py').study)))"
    )

    def identity_after(*loaded: str) -> str:
        command = [sys.executable, "-c", script, *loaded]
        completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
        return completed.stdout

    plain = identity_after()
    assert identity_after("xml.dom.minidom", "wsgiref.util") == plain
    (tmp_path / "chunk_of_code.py").write_text("import xml\n\ndef weight(*each):\n    return 1 + len(each)\n")
    assert identity_after() != plain, "the study's own folder is followed"
