"""How often is the diagnosis right where the trouble is known?

    HPSEARCH_DATA=… python tests/benchmarks/diagnosis_labelled.py [--data hastie] [--before 0eff46c]

Trainings on images, tables and made-up problems, each with one knob off from a good setting (`labelled.py`): a study
per data set, and the same on features a hundred times as large and on shuffled targets. Where a knob did no harm, the
trial being within a standard error of the median good one, "good" is right too. The rules were tuned on some of the
data sets, know some a little and others not at all. What becomes of advice is measured by `advice.py`.

With --before the same curves are also judged by the rules of another version, such as that of 0.1, each by itself.

Exit code 1 where on the data sets that the rules do not know fewer than 85 % are right.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from labelled import (
    CHANCE,
    FRESH,
    GOOD,
    GOOD_SETTINGS,
    KNOWN,
    LARGE,
    TUNED,
    UNSCALED,
    harmless,
    problem,
    settings,
    shuffled,
    trained,
    unscaled,
)

from hpsearch.judging.compared import diagnoses
from hpsearch.log.history import History

RIGHT = 0.85
KINDS = {
    "that the rules do not know": FRESH,
    "that the rules know a little": KNOWN,
    "that the rules were tuned on": TUNED,
}
Labels = list[frozenset[str]]


def studies(name: str) -> list[tuple[Labels, History]]:
    """Return a data set's studies, each with the labels that are right for its trials."""
    dataset, own, good = problem(name), list(settings(name)), GOOD_SETTINGS[name]
    few = [
        {"learning_rate": good.rate * factor, "l2": good.l2, "max_epochs": min(good.epochs, 20)}
        for factor in (0.1, 0.5, 1.0, 2.0)
    ]
    history = trained(name, dataset, [params for _, params in own])
    fine = [trial for trial, (labels, _) in zip(history.trials, own, strict=True) if labels == {"good"}]
    n = len(dataset.y_valid)
    labels = [harmless(said, history, trial, fine, n) for trial, (said, _) in zip(history.trials, own, strict=True)]
    return [
        (labels, history),
        ([frozenset([UNSCALED])] * len(few), trained(name, unscaled(dataset), few)),
        ([frozenset([CHANCE])] * len(few), trained(name, shuffled(dataset), few)),
    ]


def now(history: History) -> list[str]:
    """Return what is said of each trial now, beside the others."""
    return [said.label for said in diagnoses(history).values()]


def rules_of(revision: str) -> Callable[[History], list[str]]:
    """Return the rules of another version, by which each curve is judged by itself."""
    root = Path(__file__).resolve().parents[2]
    show = ["git", "-C", str(root), "show", f"{revision}:hpsearch/diagnosis.py"]
    text = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    module = ModuleType("rules_before")
    sys.modules[module.__name__] = module  # dataclasses look for their module
    exec(text.replace("from hpsearch.history import", "from hpsearch.log.history import"), module.__dict__)

    def before(history: History) -> list[str]:
        return [module.diagnose(trial, history.declaration.model_params).label for trial in history.trials]

    return before


class Tally:
    """What was said beside what is right."""

    def __init__(self) -> None:
        self.right, self.wrong = Counter[str](), Counter[tuple[str, str]]()

    def add(self, accepted: frozenset[str], said: str) -> None:
        """Count one; where "good" is right too, under what was set, and dead units under what made them so."""
        label = min(accepted - {GOOD} or {GOOD}, key=lambda each: each == LARGE)
        if said in accepted:
            self.right[label] += 1
        else:
            self.wrong[label, said] += 1

    def __len__(self) -> int:
        """How many there were."""
        return self.right.total() + self.wrong.total()

    def row(self, label: str) -> list[str]:
        """Return how many of a label were right, and what was said instead of it."""
        wrong = {said: count for (its, said), count in sorted(self.wrong.items()) if its == label}
        right = self.right[label]
        return [f"{right} of {right + sum(wrong.values())}", ", ".join(f"{said} {n}" for said, n in wrong.items())]


def matrix(before: Tally | None, after: Tally) -> list[str]:
    """Return confusion matrices as a table: what was set in rows, then how many are right and what was said instead."""
    tallies = [each for each in (before, after) if each is not None]
    heads = ["before", "said instead"] * (before is not None) + ["now", "said instead"]
    lines = [f"| set | {' | '.join(heads)} |", "|---|" + "---:|---|" * len(tallies)]
    labels = {*after.right, *(label for label, _ in after.wrong)}
    return lines + [
        f"| {label} | {' | '.join(c for each in tallies for c in each.row(label))} |" for label in sorted(labels)
    ]


def main() -> int:
    """Print confusion matrices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=sorted(GOOD_SETTINGS), help="may be given several times")
    parser.add_argument("--before", metavar="REVISION", help="judge by the rules of this version, too")
    given = parser.parse_args()
    older = None if given.before is None else rules_of(given.before)
    enough = True
    for title, names in KINDS.items():
        chosen = [name for name in names if name in (given.data or GOOD_SETTINGS)]
        before, after = Tally(), Tally()
        for name in chosen:
            known = studies(name)
            for labels, history in known:
                for accepted, trial, said in zip(labels, history.trials, now(history), strict=True):
                    after.add(accepted, said)
                    if said not in accepted:
                        why = diagnoses(history)[trial.number]
                        print(f"# {name}: {sorted(accepted)} {trial.params} ({trial.value}): {why}")
                for accepted, said in zip(labels, older(history) if older else (), strict=False):
                    before.add(accepted, said)
            print(f"# {name}: {after.right.total()} of {len(after)} so far", flush=True)
        if not chosen:
            continue
        ratio = f"{after.right.total()} of {len(after)} right" + (f", {before.right.total()} before" if older else "")
        print(f"\nData sets {title} ({', '.join(chosen)}): {ratio}\n")
        print("\n".join(matrix(before if older else None, after)))
        print(flush=True)
        if names == FRESH:
            enough = after.right.total() >= RIGHT * len(after)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
