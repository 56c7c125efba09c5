"""Distributions in the plane whose density is known, for models that generate: a noisy circle, a ring of Gaussians.

One fixed draw for every seed of a run: `train`, a quarter as many points in `valid`, half as many in `test`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landmarks.data import FIRST, Draws, check_needs, splits
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.randomness import stream
from landmarks.settings import POSITIVE, Check, DataSettings

Floats = npt.NDArray[np.float64]
NAMES = ("circle", "ring")
_SEED = 2014
ENOUGH = Check(">= 8", lambda count: count >= 8)


@dataclass(frozen=True, kw_only=True)
class PlaneSettings(DataSettings):
    """`points` to train on, and the standard deviation of their `noise`; of `ring` alone how many `modes`.

    All are null for any other set.
    """

    points: Annotated[int, ENOUGH] | None
    noise: Annotated[float, POSITIVE] | None
    modes: Annotated[int, POSITIVE] | None


def check_keys(settings: PlaneSettings) -> None:
    """Raise UsageError for a key that the set needs, or has no use for."""
    drawn = settings.name in NAMES
    check_needs(settings, {"points": drawn, "noise": drawn, "modes": settings.name == "ring"})


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """x (N, 2) float32; y (N,) int64, the Gaussian of the ring (0 on the circle). Raises UsageError."""
    if not isinstance(settings, PlaneSettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not learn points in the plane")
    check_keys(settings)
    count, generator = settings.points or 0, stream(_SEED, 0, "patterns")
    parts = {}
    for name, share in (("train", 1), ("valid", 4), ("test", 2)):
        x, y = draw(settings, count // share, generator)
        parts[name] = Split(torch.from_numpy(x).float(), torch.from_numpy(y))
    return Data(settings.name, parts, splits.checksum(parts))


def draw(settings: PlaneSettings, count: int, generator: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64]]:
    """`count` points (N, 2) of the true distribution, and the Gaussian from which each one comes (N,)."""
    if settings.name == "circle":
        which = np.zeros(count, dtype=np.int64)
        angle = generator.uniform(0, 2 * math.pi, count)
        middle = np.column_stack((np.cos(angle), np.sin(angle)))
    else:
        which = generator.integers(settings.modes or 0, size=count)
        middle = centres(settings).numpy()[which]
    return middle + (settings.noise or 0) * generator.standard_normal((count, 2)), which


def centres(settings: PlaneSettings) -> Tensor:
    """Of the ring's Gaussians, (modes, 2) in float64, at equal distances on the unit circle."""
    angle = torch.arange(settings.modes or 0, dtype=torch.float64) * (2 * math.pi / (settings.modes or 1))
    return torch.stack((angle.cos(), angle.sin()), 1)


def log_density(settings: PlaneSettings, x: Tensor) -> Tensor:
    """log p of points x (N, 2) under the true distribution, (N,) in float64, in nats."""
    x, variance = x.double().cpu(), (settings.noise or 0) ** 2
    scale: float = math.log(2 * math.pi * variance)
    if settings.name == "circle":  # the angle integrated out: a Bessel function
        radius = x.norm(dim=1)
        found: Tensor = torch.special.i0e(radius / variance).log() - (radius - 1).square() / (2 * variance) - scale
    else:
        away = torch.cdist(x, centres(settings)).square() / (2 * variance)
        found = (-away).logsumexp(1) - math.log(settings.modes or 1) - scale
    return found
