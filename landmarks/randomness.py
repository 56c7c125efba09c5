"""The one door for randomness: every draw is a pure function of (seed, replica, purpose) and a position.

Replica r of seed s draws from `SeedSequence((s, r))`, so replica 7 of a thousand equals replica 7 alone, on any device.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Purpose = Literal["weights", "order", "training", "evaluation", "patterns"]
_PURPOSES: dict[str, int] = {"weights": 0, "order": 1, "training": 2, "evaluation": 3, "patterns": 4}


def stream(seed: int, replica: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """A NumPy generator for one purpose of one replica; of each `place` (an epoch) there is another one."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, replica, purpose, *place)))


def torch_seed(seed: int, replica: int, purpose: Purpose) -> int:
    """A 63-bit seed for a `torch.Generator`."""
    return int(_sequence(seed, replica, purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sequence(seed: int, replica: int, purpose: Purpose, *place: int) -> np.random.SeedSequence:
    return np.random.SeedSequence((seed, replica), spawn_key=(_PURPOSES[purpose], *place))


class Orders:
    """Random orders of n items for R replicas; the order of epoch e is a pure function of (seed, replica, e).

    A generator per replica and epoch would cost more than the training of a small network, so the keys that are
    sorted come from a hash (SplitMix64: Steele, Lea, Flood 2014) of the replica's key, the epoch and the position.
    """

    def __init__(self, seed: int, replicas: int, first: int = 0) -> None:
        states = [_sequence(seed, first + r, "order").generate_state(1, np.uint64) for r in range(replicas)]
        self.keys = np.stack(states)  # (R, 1)

    def epoch(self, epoch: int, n: int) -> npt.NDArray[np.int64]:
        """The order of one epoch, (R, n): a permutation of 0 … n − 1 for each replica."""
        start = _mix(self.keys + np.array([epoch], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        keys = _mix(start + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0xD1342543DE82EF95))
        return np.argsort(keys, axis=1, kind="stable")


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
