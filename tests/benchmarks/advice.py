"""Does it help to do what is advised: the remedies for trials, and the `try:` lines for the next search?

    python tests/benchmarks/advice.py [--data moons] [--root DIR]

Remedies for trials that are one knob off from a good setting (`labelled.py`), and `try:` lines for searches that are
wrong in one thing, are followed (`followed.py`): five seeds, paired, and what is better by more than two standard
errors helped. The rules were tuned on some of the data sets; the others were never looked at.

With --root what was trained is kept there, and a run that was interrupted goes on. Exit code 1 where of what is advised
on data sets that no rule was tuned on fewer than 80 % helps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from followed import Followed, Kept, remedies, searches

HELPED = 0.8
TUNED = ("digits", "wine", "breast_cancer", "iris", "diabetes")
"""The data sets on which the rules of `try:` lines were tuned."""

UNSEEN = ("mixture", "blobs", "swiss")
"""Data sets that no rule was tuned on, neither of the diagnosis nor of these lines."""

KINDS = {"that no rule was tuned on": UNSEEN, "that the rules were tuned on": TUNED}


def table(title: str, followed: Sequence[Followed]) -> list[str]:
    """Return what was advised and what it brought, by what was the matter."""
    helped = sum(advice.helped for advice in followed)
    harmed = sum(advice.harmed for advice in followed)
    lines = [
        f"{title}: {helped} of {len(followed)} helped, {harmed} harmed",
        "",
        "| what was the matter | helped | points, each |",
        "|---|---:|---|",
    ]
    for kind in sorted({advice.kind for advice in followed}):
        of_kind = [advice for advice in followed if advice.kind == kind]
        gains = ", ".join(
            f"{advice.gain:+.1f}{'' if advice.helped else f' (± {advice.half:.1f})'}" for advice in of_kind
        )
        lines.append(f"| {kind} | {sum(advice.helped for advice in of_kind)} of {len(of_kind)} | {gains} |")
    return lines


def main() -> int:
    """Print what advice brought, and each line that did not help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=[*UNSEEN, *TUNED], help="may be given several times")
    parser.add_argument("--remedies", type=int, default=6, help="most remedies to follow per data set")
    parser.add_argument("--root", type=Path, help="keep what was trained in this folder")
    options = parser.parse_args()
    kept = Kept(options.root)
    enough = True
    for title, names in KINDS.items():
        chosen = [name for name in names if name in (options.data or names)]
        cured: list[Followed] = []
        searched: list[Followed] = []
        for name in chosen:
            for cure in remedies(name, options.remedies, kept) if options.remedies else ():
                cured.append(cure)
                print(f"# {name}: {cure}", flush=True)
            for fault, line in searches(name, kept):
                searched += [] if line is None else [line]
                print(f"# {name}: {fault}: {'nothing to try' if line is None else line}", flush=True)
        if not chosen:
            continue
        print(f"\nData sets {title} ({', '.join(chosen)})")
        for what, followed in (("Remedies for a trial", cured), ("`try:` lines", searched)):
            if followed:
                print("\n" + "\n".join(table(what, followed)))
        print(flush=True)
        if names == UNSEEN:
            advised = cured + searched
            enough = sum(advice.helped for advice in advised) >= HELPED * len(advised)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
