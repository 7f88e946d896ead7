"""What decides which trial begins next: a flat study asks its sampler, a staged one climbs to the full problem.

A ladder is a pure function of the history, as samplers and pruners are; all its trials are in the one log.
"""

from __future__ import annotations

from hpsearch.ladder.base import Flat, Ladder, Proposal
from hpsearch.ladder.build import build, check

__all__ = ["Flat", "Ladder", "Proposal", "build", "check"]
