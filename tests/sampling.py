"""What a run tries of a matrix that is too large for every run: a sample, dealt by the seed of the run.

The seed is what ``SURVEILLANCE_TEST_SEED`` says. Where it says nothing CI draws a new one for each run; elsewhere all
runs of one day share theirs, so that a failure stays while somebody mends it. ``--every-row`` tries the whole matrix.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")

VARIABLE: Final = "SURVEILLANCE_TEST_SEED"


@dataclass(frozen=True)
class Sampling:
    seed: str
    everything: bool = False

    def of(self, rows: Sequence[T], few: int, name: object) -> list[T]:
        """``few`` of the rows, in their order, or all of them. Each ``name`` has a deal of its own."""
        if self.everything or few >= len(rows):
            return list(rows)
        return [rows[index] for index in sorted(self.chance(name).sample(range(len(rows)), few))]

    def chance(self, name: object) -> Random:
        """Chance that every process of the run repeats."""
        return Random(f"{self.seed} {name}")


def settle() -> str:
    """The seed of this run, from now on also that of every process it starts."""
    if not os.environ.get(VARIABLE):
        drawn = secrets.randbelow(10**6) if os.environ.get("CI") == "true" else datetime.now(UTC).toordinal()
        os.environ[VARIABLE] = str(drawn)
    return os.environ[VARIABLE]
