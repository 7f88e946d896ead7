"""The house of docs/architecture.md: arrows between rooms go down only, and files stay one idea long."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from hpsearch.models.names import HOMES

ROOT = Path(__file__).resolve().parents[1]

FLOORS: list[set[str]] = [
    {"models", "errors", "integrations"},
    {"space"},
    {"study"},
    {"log"},
    {"judging", "optuna_bridge"},
    {"samplers", "pruners"},
    {"ladder", "tables"},
    {"objectives"},
    {"tracking"},
    {"engine"},
    {"report"},
    {"running"},
    {"cli", "search_cv"},
    {"__main__"},
]
"""From the lowest floor of ``hpsearch`` to the highest; rooms of one floor do not see each other."""

MODELS_FLOORS: list[set[str]] = [
    {"names", "kernels", "early_stopping", "line_search", "schedules", "imports", "spelling"},
    {"operations"},
    {"", "activations", "augmentation", "initializers", "regularizers", "starting", "threads", "preprocessing.values"},
    {"preprocessing.columns", "preprocessing.parts"},
    {"preprocessing"},
    {"costs", "layers.base", "layers.shapes"},
    {"layers.declared", "layers.copies", "layers.patches"},
    {
        "layers.activation",
        "layers.batch_norm",
        "layers.dense",
        "layers.dropout",
        "layers.flatten",
        "layers.group_norm",
        "layers.pooling",
        "layers.spatial_dropout",
    },
    {"layers.assembly"},
    {"layers.residual"},
    {"layers"},
    {"chain", "reading"},
    {"network"},
    {"training", "training.stacks", "training.data", "training.callbacks"},
    {"training.step", "training.augmented_images", "training.samples", "training.scores"},
    {"hessian_free", "lbfgs", "training.afterwards", "training.within"},
    {"optimizers"},
    {"combinations", "training.outputs"},
    {"parameters", "training.training_pass", "training.validation_pass", "training.monitors"},
    {"training.members", "training.fold_pass", "later"},
    {"training.population"},
    {"training.folds", "estimators.gradients"},
    {
        "estimators",
        "estimators.archive",
        "estimators.chained",
        "estimators.trained",
        "estimators.trusted",
    },
    {"estimators.base"},
    {"estimators.of_classes", "estimators.of_numbers"},
    {
        "estimators.classifier",
        "estimators.network_classifier",
        "estimators.network_regressor",
        "estimators.regressor",
    },
    {"estimators.from_state", "estimators.loading", "estimators.onnx_file", "estimators.torch_state"},
    {"estimators.serving", "estimators.network2", "estimators.safetensors_file", "estimators.histograms"},
]
"""From the lowest floor within ``models`` to the highest, by module; modules of one floor do not see each other. The
data sets stand aside: they know none of these, and none of these knows them. A layer that is not named here stands
beside ``layers.assembly``: it may see pools, patches and what is below them, and no other layer sees it."""

LAYERS = {home.removeprefix(".") for home in HOMES.values() if home.startswith(".layers.")}
(_floor_of_layers,) = (modules for modules in MODELS_FLOORS if "layers.assembly" in modules)
_floor_of_layers |= LAYERS - set().union(*MODELS_FLOORS)

MODELS_PUBLIC = {
    "estimators.classifier",
    "estimators.regressor",
    "estimators.loading",
    "augmentation",
    "estimators.network_classifier",
    "estimators.network_regressor",
    "estimators.gradients",
}
"""What ``models`` itself offers; it imports them when they are asked for."""

LOOSE = {"__init__", "__main__", "errors"}
"""The only modules that stand in no room."""

FOREIGN = {"models": {"optuna", "mlflow", "pandas"}}
"""What a room must not know."""


def sources() -> list[Path]:
    return sorted(path for path in ROOT.glob("hpsearch/**/*.py")) + sorted(ROOT.glob("models/**/*.py"))


def module_of(path: Path) -> str:
    """Return a module's name within hpsearch; models/ is installed as hpsearch.models."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "hpsearch" else parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(path): path for path in sources()}


def room_of(module: str) -> str:
    return module.split(".")[0]


def package_of(path: Path) -> list[str]:
    parts = module_of(path).split(".") if module_of(path) else []
    return parts if path.name == "__init__.py" else parts[:-1]


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return what a file imports, also inside functions: our modules by their names within hpsearch."""
    return frozenset(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = package_of(path)
                base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
                origin = ".".join(["hpsearch", *base])
            else:
                assert node.module is not None
                origin = node.module
            names = [f"{origin}.{alias.name}" for alias in node.names]
            yield from names
            if not all(name.removeprefix("hpsearch.") in MODULES for name in names):
                yield origin  # something of the module or package itself is taken


def ours(path: Path) -> set[str]:
    """Return the modules of ours that a file imports."""
    names = {name.removeprefix("hpsearch.") for name in imports_of(path) if name.startswith("hpsearch.")}
    return {name for name in names if name in MODULES} - {module_of(path)}


def floor_of(room: str) -> int | None:
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)


def test_every_arrow_goes_down() -> None:
    for module in filter(None, MODULES):
        room = room_of(module)
        floor = floor_of(room)
        assert floor is not None, f"{module} stands in no room of the house"
        for imported in ours(MODULES[module]):
            other = room_of(imported)
            if other == room:
                continue
            other_floor = floor_of(other)
            assert other_floor is not None, f"{module} imports {imported}, which stands in no room of the house"
            assert other_floor < floor, f"{module} imports {imported}: that arrow does not go down"


MODELS = [name.removeprefix("models").removeprefix(".") for name in MODULES if room_of(name) == "models"]


def models_floor(module: str) -> int:
    floors = [number for number, modules in enumerate(MODELS_FLOORS) if module in modules]
    assert len(floors) == 1, f"models.{module} stands on {len(floors)} floors of models"
    return floors[0]


def test_every_arrow_within_models_goes_down() -> None:
    for module in MODELS:
        if module.startswith("datasets"):
            continue
        name = f"models.{module}".removesuffix(".")
        for imported in ours(MODULES[name]) - {"models"}:
            other = imported.removeprefix("models.")
            if module == "" and other in MODELS_PUBLIC:
                continue
            assert not other.startswith("datasets"), f"{name} imports {imported}: networks know no data sets"
            assert models_floor(other) < models_floor(module), f"{name} imports {imported}: that arrow does not go down"


def test_the_floors_of_models_name_modules_that_there_are() -> None:
    named = [module for modules in MODELS_FLOORS for module in modules]
    assert sorted(named) == sorted(name for name in MODELS if not name.startswith("datasets"))


def test_data_sets_know_no_networks() -> None:
    for module in MODELS:
        if module.startswith("datasets"):
            imported = ours(MODULES[f"models.{module}"]) - {"models"}
            networks = sorted(name for name in imported if not name.startswith("models.datasets"))
            assert not networks, f"models.{module} imports {networks}: data sets know no networks"


def test_imports_within_models_are_relative() -> None:
    # A model carries a copy of the folder under another name, in which hpsearch.models is another package or none.
    for path in sorted(ROOT.glob("models/**/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        absolute = [
            *(alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names),
            *(str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level),
        ]
        of_ours = [name for name in absolute if name.split(".")[0] in ("hpsearch", "models")]
        assert not of_ours, f"{path.relative_to(ROOT)} imports {of_ours} by an absolute name"


def test_no_circle() -> None:
    graph = {module: ours(path) - {""} for module, path in MODULES.items() if module}
    TopologicalSorter(graph).prepare()


def test_the_page_shows_the_floors_as_they_are() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "floors.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_stands_loose() -> None:
    assert {path.stem for path in ROOT.glob("hpsearch/*.py")} == LOOSE


def test_no_room_imports_what_it_must_not_know() -> None:
    for module, path in MODULES.items():
        packages = {name.split(".")[0] for name in imports_of(path)}
        foreign = packages & FOREIGN.get(room_of(module), set())
        assert not foreign, f"{module} imports {sorted(foreign)}"
        if room_of(module) == "models":
            assert not any(
                name == "hpsearch" or room_of(name.removeprefix("hpsearch.")) != "models"
                for name in imports_of(path)
                if name.startswith("hpsearch")
            ), module
        if room_of(module) != "tracking":
            assert "mlflow" not in packages, f"{module}: only hpsearch.tracking imports mlflow"


def test_a_file_can_be_read_in_one_sitting() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert not {module: length for module, length in lengths.items() if length > 330}


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = ("mlflow", "pandas", "sklearn", "optuna", "numpy")
    code = f"import sys, hpsearch.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_of_the_networks_has_a_name_of_pythons() -> None:
    # MLflow puts every folder of a served model's code first on the import path.
    assert [name for name in MODELS if name.rpartition(".")[2] in sys.stdlib_module_names] == []
