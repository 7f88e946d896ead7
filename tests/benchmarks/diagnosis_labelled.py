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
    dataset = problem(name)
    off = list(settings(name))
    good = GOOD_SETTINGS[name]
    few = [
        {"learning_rate": good.rate * factor, "l2": good.l2, "max_epochs": min(good.epochs, 20)}
        for factor in (0.1, 0.5, 1.0, 2.0)
    ]
    history = trained(name, dataset, [params for _, params in off])
    fine = [trial for trial, (labels, _) in zip(history.trials, off, strict=True) if labels == {"good"}]
    n = len(dataset.y_valid)
    labels = [
        harmless(planted, history, trial, fine, n) for trial, (planted, _) in zip(history.trials, off, strict=True)
    ]
    return [
        (labels, history),
        ([frozenset([UNSCALED])] * len(few), trained(name, unscaled(dataset), few)),
        ([frozenset([CHANCE])] * len(few), trained(name, shuffled(dataset), few)),
    ]


def now(history: History) -> list[str]:
    """Return what is said of each trial now, beside the others."""
    return [diagnosis.label for diagnosis in diagnoses(history).values()]


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

    def add(self, accepted: frozenset[str], diagnosed: str) -> None:
        """Count one; where "good" is right too, under what was set, and dead units under what made them so."""
        label = min(accepted - {GOOD} or {GOOD}, key=lambda name: name == LARGE)
        if diagnosed in accepted:
            self.right[label] += 1
        else:
            self.wrong[label, diagnosed] += 1

    def __len__(self) -> int:
        """How many there were."""
        return self.right.total() + self.wrong.total()

    def row(self, label: str) -> list[str]:
        """Return how many of a label were right, and what was said instead of it."""
        wrong = {diagnosed: count for (planted, diagnosed), count in sorted(self.wrong.items()) if planted == label}
        right = self.right[label]
        return [
            f"{right} of {right + sum(wrong.values())}",
            ", ".join(f"{diagnosed} {n}" for diagnosed, n in wrong.items()),
        ]


def matrix(before: Tally | None, after: Tally) -> list[str]:
    """Return confusion matrices as a table: what was set in rows, then how many are right and what was said instead."""
    tallies = [tally for tally in (before, after) if tally is not None]
    heads = ["before", "said instead"] * (before is not None) + ["now", "said instead"]
    lines = [f"| set | {' | '.join(heads)} |", "|---|" + "---:|---|" * len(tallies)]
    labels = {*after.right, *(label for label, _ in after.wrong)}
    return lines + [
        f"| {label} | {' | '.join(cell for tally in tallies for cell in tally.row(label))} |"
        for label in sorted(labels)
    ]


def main() -> int:
    """Print confusion matrices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=sorted(GOOD_SETTINGS), help="may be given several times")
    parser.add_argument("--before", metavar="REVISION", help="judge by the rules of this version, too")
    options = parser.parse_args()
    older = None if options.before is None else rules_of(options.before)
    enough = True
    for title, names in KINDS.items():
        chosen = [name for name in names if name in (options.data or GOOD_SETTINGS)]
        before = Tally()
        after = Tally()
        for name in chosen:
            labelled_studies = studies(name)
            for labels, history in labelled_studies:
                for accepted, trial, diagnosed in zip(labels, history.trials, now(history), strict=True):
                    after.add(accepted, diagnosed)
                    if diagnosed not in accepted:
                        why = diagnoses(history)[trial.number]
                        print(f"# {name}: {sorted(accepted)} {trial.params} ({trial.value}): {why}")
                for accepted, diagnosed in zip(labels, older(history) if older else (), strict=False):
                    before.add(accepted, diagnosed)
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
