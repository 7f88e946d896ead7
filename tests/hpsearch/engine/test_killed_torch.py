"""The PyTorch study, killed at random moments: it loses the epoch under way, and comes out the same."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.log.catalogue import load_history
from hpsearch.report.export import to_bytes

STUDY = Path(__file__).resolve().parents[3] / "studies" / "frameworks" / "torch_loop.py"
KILLS = int(os.environ.get("HPSEARCH_KILLS", "12"))
"""Each costs a process that imports PyTorch: 20 of them take two minutes."""

SERVER = """
import os, random, signal, sys, time, traceback
import torch, torch.utils.data  # once: each life is a fork
from pathlib import Path
from hpsearch import Float, Study
from hpsearch.running.api import run
from hpsearch.study.loading import load_file

# What a study of digits imports is imported here, once as well.
warm = Study("warm", objective=lambda trial: trial["x"], space={"x": Float(0, 1)}, data="digits", n_trials=2)
run(warm, "warm", quiet=True, tracking=False)

def life(number, root):
    if (child := os.fork()) == 0:
        try:
            os.environ["LIFE"] = f"{root} {number}"
            run(load_file("study.py").study, root, quiet=True, tracking=False)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child

def begun():
    return trained.read_text().count(chr(10)) if trained.exists() else 0

moments, trained = random.Random(0), Path("trained")
kills, lives, studies = int(sys.argv[1]), 0, 1
while kills:
    wanted = begun() + moments.randint(1, 4)
    child, lives = life(lives, str(studies)), lives + 1
    while begun() < wanted:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0
            studies += 1  # it was done before: the next one is a study of its own
            break
        time.sleep(0.005)
    else:
        time.sleep(moments.random() * 0.1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills -= 1
for root in [*map(str, range(1, studies + 1)), "undisturbed"]:
    lives += 1
    assert os.waitpid(life(lives, root), 0)[1] == 0
"""


def counted(source: str) -> str:
    """The study, pruned, with a line in a file for every epoch that begins."""
    changes = {
        "epochs=5, n_trials=4": "epochs=5, n_trials=5, pruner='median'",
        "        order =": (
            "        with open('trained', 'a') as file:\n"
            "            file.write(f\"{os.environ['LIFE']} {trial.number} {epoch}\\n\")\n"
            "        order ="
        ),
        "from hpsearch import": "import os\n\nfrom hpsearch import",
    }
    for old, new in changes.items():
        assert source.count(old) == 1
        source = source.replace(old, new)
    return source


@pytest.mark.slow
def test_each_kill_costs_a_trial_at_most_its_epoch_under_way(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="pip install torch")
    (tmp_path / "study.py").write_text(counted(STUDY.read_text()))
    server = [sys.executable, "-W", "ignore", "-c", SERVER, str(KILLS)]
    assert subprocess.run(server, cwd=tmp_path, timeout=1500, check=False, env=os.environ).returncode == 0
    begun: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for line in (tmp_path / "trained").read_text().splitlines():
        root, life, trial, epoch = line.split()
        begun.setdefault((root, trial), []).append((life, int(epoch)))
    roots = {root for root, _ in begun}
    assert len({life for epochs in begun.values() for life, _ in epochs}) > KILLS
    assert len(begun) == 5 * len(roots)
    for epochs in begun.values():
        for (life, epoch), (later, following) in itertools.pairwise(epochs):
            assert following == epoch + 1 or (later != life and following == epoch)
    told = set()
    for root in roots:
        history = load_history(tmp_path / root / "studies" / "torch_loop")
        told.add((to_bytes(history), to_bytes(history, curves=True)))
    assert len(told) == 1
