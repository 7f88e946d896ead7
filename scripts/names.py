"""List the names that are bound in many files with many meanings: ``python scripts/names.py [--top N] [--files]``.

A name such as ``found`` that stands for a dict here, a list there and a column elsewhere tells a reader nothing. For
each variable and parameter this counts where it is bound and by what: the form of the expression (a call of a name, a
list, a comparison, a parameter's annotation …). Names with one meaning, such as ``history``, are left out however often
they occur. The list is read, not enforced.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("hpsearch", "models")
SHORT = 2
"""Names of so few letters are symbols of formulas or counters."""


@dataclass
class Bindings:
    """Where a name is bound.

    Attributes:
        files: How often in each file.
        meanings: How often by each form of expression.
    """

    files: Counter[str] = field(default_factory=Counter)
    meanings: Counter[str] = field(default_factory=Counter)

    @property
    def rank(self) -> int:
        """How much there is to be told apart: files times meanings."""
        return len(self.files) * len(self.meanings)


def meaning(value: ast.expr | None) -> str:
    """Return the form of an expression, as far as it tells what a name stands for."""
    if isinstance(value, ast.Call):
        return f"{ast.unparse(value.func).rpartition('.')[2]}()"
    if isinstance(value, ast.Attribute):
        return f".{value.attr}"
    if isinstance(value, ast.Name | ast.Constant):
        return ast.unparse(value)
    return "?" if value is None else type(value).__name__.lower()


def targets(node: ast.expr) -> Iterator[str]:
    """Yield the names that an assignment to a target binds."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id


def bindings(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name that a file binds, with its meaning there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((name, meaning(node.value)) for target in node.targets for name in targets(target))
        elif isinstance(node, ast.AnnAssign):
            yield from ((name, ast.unparse(node.annotation)) for name in targets(node.target))
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id, meaning(node.value)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield from ((name, f"of {meaning(node.iter)}") for name in targets(node.target))
        elif isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, ast.unparse(node.annotation)


def names() -> dict[str, Bindings]:
    """Return every name that is bound in ours, with its bindings."""
    bound: dict[str, Bindings] = defaultdict(Bindings)
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        for name, form in bindings(ast.parse(path.read_text(encoding="utf-8"))):
            if len(name) > SHORT and not name.startswith("_"):
                bound[name].files[file] += 1
                bound[name].meanings[form] += 1
    return bound


def main() -> None:
    """Print the names, the most ambiguous first."""
    parser = argparse.ArgumentParser(description="Names that are bound in many files with many meanings.")
    parser.add_argument("--top", type=int, default=40, help="how many names")
    parser.add_argument("--files", action="store_true", help="the files of each, too")
    options = parser.parse_args()
    ranked = sorted(names().items(), key=lambda item: (-item[1].rank, item[0]))
    print(f"{'name':16} {'bound':>5} {'files':>5} {'meanings':>8}  most often")
    for name, bound in ranked[: options.top]:
        commonest = ", ".join(form for form, _ in bound.meanings.most_common(4))
        print(f"{name:16} {bound.files.total():5} {len(bound.files):5} {len(bound.meanings):8}  {commonest[:80]}")
        if options.files:
            print("".join(f"{'':17}{file} {count}\n" for file, count in bound.files.most_common()), end="")


if __name__ == "__main__":
    main()
