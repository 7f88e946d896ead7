"""How often is the diagnosis right where the trouble is known, and does what it advises help?

    HPSEARCH_DATA=… python tests/benchmarks/diagnosis_labelled.py [--data digits] [--advices 24] [--alone]

Trainings on MNIST (10,000 images), digits, three tables and a made-up one, each with one knob off from a good setting
(`labelled.py`): a study per data set, and the same on features a hundred times as large and on shuffled labels. Where a
knob did no harm, the trial being within a standard error of the median good one, "good" is right too. The rules were
tuned on digits, wine, breast_cancer and iris. Then the remedies are followed on the other data sets: the trial as it
was and with the change, with five seeds each, paired; one that is better by more than two standard errors helped.

Exit code 1 where on the data sets that the rules were not tuned on fewer than 85 % are right or fewer than 80 % of the
remedies help.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections import Counter
from typing import Any

from labelled import CHANCE, GOOD_SETTINGS, TUNED, UNSCALED, harmless, problem, settings, shuffled, trained, unscaled

from hpsearch.judging.compared import diagnoses
from hpsearch.judging.diagnosis import diagnose
from hpsearch.judging.remedy import remedy
from hpsearch.log.history import History, Trial

RIGHT, HELPED, SEEDS = 0.85, 0.8, 5


def studies(name: str) -> list[tuple[list[frozenset[str]], History]]:
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


def advised(history: History) -> list[tuple[Trial, dict[str, Any]]]:
    """Return the trials that are told to change a parameter, and the change."""
    found = []
    for trial, said in zip(history.trials, diagnoses(history).values(), strict=True):
        change = remedy(history, trial, said)
        if change is not None and change.params:
            found.append((trial, change.params))
    return found


def gains(name: str, advices: list[tuple[Trial, dict[str, Any]]]) -> list[tuple[float, float]]:
    """Return by how much each advice made a trial better, and two standard errors of it, in points."""
    dataset = problem(name)
    given = [params for trial, change in advices for params in (trial.params, {**trial.params, **change})]
    values = [[trial.value or 0.0 for trial in trained(name, dataset, given, 1 + s).trials] for s in range(SEEDS)]
    found = []
    for i in range(len(advices)):
        by_seed = [100 * (seed[2 * i + 1] - seed[2 * i]) for seed in values]
        found.append((statistics.fmean(by_seed), 2 * statistics.stdev(by_seed) / math.sqrt(SEEDS)))
    return found


def matrix(pairs: Counter[tuple[str, str]]) -> list[str]:
    """Return a confusion matrix as a table: what was set in rows, what was said in columns."""
    rows, columns = (sorted({pair[i] for pair in pairs}) for i in (0, 1))
    lines = [f"| set | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    return lines + [f"| {row} | " + " | ".join(str(pairs[row, c] or "") for c in columns) + " |" for row in rows]


def main() -> int:
    """Print confusion matrices, and what the remedies brought."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=sorted(GOOD_SETTINGS), help="may be given several times")
    parser.add_argument("--advices", type=int, default=24, help="most remedies to follow per data set")
    parser.add_argument("--alone", action="store_true", help="judge each curve by itself, not beside its study's")
    given = parser.parse_args()
    right, total, helped, followed = (Counter[bool]() for _ in range(4))
    pairs: dict[bool, Counter[tuple[str, str]]] = {True: Counter(), False: Counter()}
    for name in given.data or GOOD_SETTINGS:
        tuned = name in TUNED
        for labels, history in studies(name):
            model = history.declaration.model_params
            compared = diagnoses(history)
            for accepted, trial in zip(labels, history.trials, strict=True):
                said = diagnose(trial, model) if given.alone else compared[trial.number]
                right[tuned] += said.label in accepted
                total[tuned] += 1
                pairs[tuned][said.label if said.label in accepted else sorted(accepted)[-1], said.label] += 1
                if said.label not in accepted:
                    print(f"{name}: {sorted(accepted)} {trial.params} ({trial.value}): said {said}", flush=True)
            if tuned or given.alone or labels[0] & {UNSCALED, CHANCE}:
                continue
            advices = advised(history)
            advices = advices[:: max(math.ceil(len(advices) / given.advices), 1)]
            for (trial, change), (gain, error) in zip(advices, gains(name, advices), strict=True):
                followed[tuned] += 1
                helped[tuned] += gain > error
                if gain <= error:
                    print(f"{name}: {trial.params} with {change}: {gain:+.2f} ± {error:.2f} points", flush=True)
    for tuned, title in ((True, "tuned on"), (False, "measured on")):
        if total[tuned]:
            print(f"\nData sets that the rules were {title}: {right[tuned]} of {total[tuned]} right")
            print("\n".join(matrix(pairs[tuned])))
    if followed[False]:
        print(f"\nRemedies followed: {helped[False]} of {followed[False]} made the trial better beyond noise")
    enough = not total[False] or right[False] >= RIGHT * total[False]
    return 0 if enough and helped[False] >= HELPED * followed[False] else 1


if __name__ == "__main__":
    sys.exit(main())
