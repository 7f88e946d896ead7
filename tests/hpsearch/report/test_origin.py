from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest

import hpsearch
from hpsearch.objectives import broken
from hpsearch.report.origin import origin

OURS = f'  File "{Path(hpsearch.__file__).parent / "objectives" / "parked.py"}", line 131, in _run\n'
STDLIB = f'  File "{sysconfig.get_path("stdlib")}/json/decoder.py", line 355, in raw_decode\n'


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        ('  File "/home/me/fail.py", line 5, in loss\n', "fail.py:5"),
        ('  File "/home/me/fail.py", line 5, in loss\n  File "/home/me/nets.py", line 7, in step\n', "nets.py:7"),
        ('  File "/home/a.py", line 5, in f\n  File "/v/site-packages/t/nn.py", line 9, in g\n', "a.py:5"),
        ('  File "/home/me/a.py", line 5, in f\n' + STDLIB, "a.py:5"),
        ('  File "/home/me/a.py", line 5, in f\n  File "<frozen importlib._bootstrap>", line 1, in h\n', "a.py:5"),
        (OURS + '  File "/srv/hpsearch/mine.py", line 3, in objective\n', "mine.py:3"),
        ('  File "C:\\Users\\me\\fail.py", line 5, in loss\n', "fail.py:5"),
        ('  File "/home/me/python3/my study.py", line 8, in <module>\n', "my study.py:8"),
        (OURS, None),
        (OURS + STDLIB, None),
        ("", None),
    ],
)  # fmt: skip
def test_the_innermost_frame_of_the_users_own_is_where_it_came_from(frames: str, place: str | None) -> None:
    assert origin(f"Traceback (most recent call last):\n{OURS}{frames}ValueError: no\n") == place


def test_a_real_traceback_is_read() -> None:
    with pytest.raises(re.error) as raised:
        re.compile("(")
    assert origin(broken.traceback_of(raised.value)) == f"test_origin.py:{raised.traceback[0].lineno + 1}"


def test_nothing_is_said_of_a_trial_without_a_traceback() -> None:
    assert origin(None) is None
