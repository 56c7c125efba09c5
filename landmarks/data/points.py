"""Points to learn: two clouds with a margin between them, all functions of n bits, the random stimuli of 1958.

Everything is drawn from (seed, replica), or counted: replica 7 of many sees what it sees alone, on every machine.
The stimuli are those of one replica.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch

from landmarks.data import FIRST, Draws, splits
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, Check, DataSettings

Floats = npt.NDArray[np.float64]

BITS = Check("between 1 and 10", lambda bits: 1 <= bits <= 10)
SEVERAL = Check(">= 2", lambda count: count >= 2)
ALONE: Mapping[str, tuple[str, object]] = {
    "bits": ("functions", 2),
    "margins": ("clouds", (0.02, 0.2)),
    "offset": ("clouds", 0.2),
    "responses": ("stimuli", 100),
    "active": ("stimuli", 0.07),
    "variation": ("stimuli", 0.5),
}
"""The keys of one set alone, with their values in configs/milestone/perceptron.yaml, which any other set leaves so."""
DRAWS = 200
"""Times as many points as are wanted are drawn at most before a margin counts as too wide."""
RANGE = Check("two numbers > 0, the smaller one first", lambda pair: len(pair) == 2 and 0 < pair[0] <= pair[1])


@dataclass(frozen=True, kw_only=True)
class PointSettings(DataSettings):
    """Of `clouds`: how many `points` in how many `dimensions`, none nearer to the plane u·x = `offset` than the
    margin, which every replica draws for itself, log-uniformly between the two `margins`.

    Of `functions`: how many `bits`. Of `stimuli`: how many `responses`, how many stimuli for each (`points` on average,
    with a standard deviation of `variation` times that), how many A-units (`dimensions`), and which share of them is
    `active`.
    """

    points: Annotated[int, POSITIVE]
    dimensions: Annotated[int, POSITIVE]
    margins: Annotated[tuple[float, ...], RANGE]
    offset: float
    bits: Annotated[int, BITS]
    responses: Annotated[int, SEVERAL]
    active: Annotated[float, FRACTION]
    variation: Annotated[float, NOT_NEGATIVE]


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train` alone. Clouds and functions: x (R, N, n) and y (R, N), −1 or +1, float32, each replica its own.

    Stimuli: x (N, A) uint8, which A-units are active; y (N,) int64, the response.
    Raises UsageError where no points are left so far from the plane, where there are fewer functions than replicas, and
    for stimuli of several replicas.
    """
    if not isinstance(settings, PointSettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not learn generated points")
    if settings.name == "stimuli":
        if draws.replicas > 1:
            raise UsageError(
                f"replicas={draws.replicas}: data.name=stimuli are drawn for one machine, so replicas must be 1;"
                " use `-m seed=0,1,2`"
            )
        parts = {"train": _stimuli(settings, stream(draws.seed, draws.first, "patterns"))}
        return Data(settings.name, parts, splits.checksum(parts))
    split = _functions(settings, draws) if settings.name == "functions" else _clouds(settings, draws)
    parts = {"train": split}
    return Data(settings.name, parts, splits.checksum(parts), own=True, classes=("-1", "+1"))


def planes(settings: PointSettings, draws: Draws) -> Floats:
    """The plane that parts each replica's clouds, (R, n + 1): its unit normal u, then −offset."""
    normals = [_normal(settings, stream(draws.seed, draws.first + r, "patterns")) for r in range(draws.replicas)]
    return np.column_stack((normals, np.full(draws.replicas, -settings.offset)))


def check_keys(settings: PointSettings) -> None:
    """Raise UsageError for a key without effect: of another set alone, and not as the file has it."""
    for key, (name, default) in ALONE.items():
        value = getattr(settings, key)
        if settings.name != name and value != default:
            raise UsageError(
                f"data.{key}={_written(value)}: is of data.name={name} alone, and without effect on {settings.name};"
                f" leave it at {_written(default)}"
            )


def _written(value: object) -> str:
    """A value as it is given on the command line."""
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def which(bits: int, first: int, last: int) -> str:
    """Functions by their numbers, among all of so many bits: functions 0 to 15 of the 65,536 of 4 inputs."""
    every = f"{2**2**bits:,}" if bits <= 5 else f"2^{2**bits}"
    numbers = [f"{number:,}" if bits <= 5 else str(number) for number in (first, last)]
    said = f"functions {numbers[0]} to {numbers[1]}" if first < last else f"function {numbers[0]}"
    return f"{said} of the {every} of {bits} input{'s' * (bits != 1)}"


def parity(bits: int) -> int:
    """The number of the function that is +1 for an odd number of ones."""
    return sum(1 << row for row in range(2**bits) if row.bit_count() % 2)


def _normal(settings: PointSettings, draw: np.random.Generator) -> Floats:
    """A random direction: the first draw of a replica's stream."""
    normal = draw.standard_normal(settings.dimensions)
    return np.asarray(normal / np.linalg.norm(normal))


def _clouds(settings: PointSettings, draws: Draws) -> Split:
    drawn = [_cloud(settings, stream(draws.seed, draws.first + r, "patterns")) for r in range(draws.replicas)]
    x, y = (torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*drawn, strict=True))
    return Split(x, y)


def _cloud(settings: PointSettings, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Points (N, n), uniform in the unit ball but for the gap of twice the margin; on which side each lies (N,)."""
    normal, n = _normal(settings, draw), settings.dimensions
    low, high = np.log(settings.margins)
    margin = np.exp(draw.uniform(low, high))
    kept: list[Floats] = []
    for _ in range(DRAWS):
        x = draw.standard_normal((settings.points, n))
        x *= draw.uniform(size=(len(x), 1)) ** (1 / n) / np.linalg.norm(x, axis=1, keepdims=True)
        kept.append(x[np.abs(x @ normal - settings.offset) >= margin])
        if sum(map(len, kept)) >= settings.points:
            x = np.concatenate(kept)[: settings.points]
            return x, np.where(x @ normal > settings.offset, 1.0, -1.0)
    raise UsageError(
        f"data.margins: the unit ball has hardly a point {margin:.2g} away from the plane at data.offset="
        f"{settings.offset:g}; choose smaller margins"
    )


def _functions(settings: PointSettings, draws: Draws) -> Split:
    """All rows of bits as ±1, the first bit the most significant; bit j of a function's number answers row j."""
    rows, last = 2**settings.bits, draws.first + draws.replicas - 1
    if last >> rows:
        raise UsageError(
            f"replicas={draws.replicas} first_replica={draws.first}: there are 2^{rows} functions of {settings.bits}"
            f" inputs, numbered from 0, and no number {last}"
        )
    x = (np.arange(rows)[:, None] >> np.arange(settings.bits)[::-1] & 1) * 2.0 - 1
    y = [[(number >> row & 1) * 2.0 - 1 for row in range(rows)] for number in range(draws.first, last + 1)]
    return Split(torch.from_numpy(x).float().expand(draws.replicas, -1, -1), torch.tensor(y))


def _stimuli(settings: PointSettings, draw: np.random.Generator) -> Split:
    """The ideal environment (1958, p. 394): every stimulus activates a random set of A-units, alike only by chance."""
    spread = settings.variation * settings.points
    counts = draw.normal(settings.points, spread, settings.responses).round().clip(min=0).astype(np.int64)
    counts[0] = max(counts[0], 1)
    y = np.repeat(np.arange(settings.responses), counts)
    x = np.empty((len(y), settings.dimensions), dtype=np.uint8)
    for row in x:
        row[:] = draw.random(settings.dimensions, dtype=np.float32) < settings.active
    return Split(torch.from_numpy(x), torch.from_numpy(y))
