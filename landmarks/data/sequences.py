"""The artificial sequences of Hochreiter and Schmidhuber 1997, section 5: six tasks with long time lags.

Training draws fresh sequences in every epoch (a block of `data.block`), each replica its own, as a pure function of
(seed, replica, epoch); `test` is drawn once. A sequence is a row of symbols, x (R, N, T) int16, or of inputs, x
(R, N, T, n) float32, filled up at its end with −1 or NaN (`lengths` counts what is before). Targets are float32: at the
end y (R, N, m), or at every step y (R, N, T, m), where m symbols may come next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landmarks.data import FIRST, Draws, check_needs, splits
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.randomness import stream
from landmarks.settings import POSITIVE, Check, DataSettings

Array = npt.NDArray[np.floating | np.integer]
Name = Literal[
    "reber", "long_lag", "random_lag", "distractors", "two_sequences", "adding", "multiplication", "temporal_order"
]
LENGTH = Check("at least 20", lambda length: length >= 20)


@dataclass(frozen=True, kw_only=True)
class SequenceSettings(DataSettings):
    """Which task, and its sizes by the paper's letters; a letter that a task does not have is null.

    `variant` is a, b or c of task 3; `marks` are those of task 6, two (6a) or three (6b); `sets` are the pairs of sets
    of `strings` of task 1, replica r having pair r modulo `sets`.
    """

    name: Name
    T: Annotated[int, LENGTH] | None
    N: Annotated[int, POSITIVE] | None
    p: Annotated[int, Check("at least 2", lambda p: p >= 2)] | None
    q: Annotated[int, POSITIVE] | None
    variant: Literal["a", "b", "c"] | None
    marks: Literal[2, 3] | None
    sets: Annotated[int, POSITIVE] | None
    strings: Annotated[int, POSITIVE] | None
    block: Annotated[int, POSITIVE]
    tested: Annotated[int, POSITIVE]


class Task(NamedTuple):
    """Its letters, its inputs and outputs, whether it has a target at every step, and how n sequences are drawn.

    The strings of task 1 are drawn as sets.
    """

    letters: tuple[str, ...]
    inputs: Callable[[SequenceSettings], int]
    outputs: Callable[[SequenceSettings], int]
    stepwise: bool
    draw: Callable[[np.random.Generator, int, SequenceSettings], tuple[Array, Array]] | None


def sizes(settings: SequenceSettings) -> tuple[int, int]:
    """The number of input and of output units. Raises UsageError for a letter that the task lacks or has no use for."""
    task = TASKS[settings.name]
    letters = ("T", "N", "p", "q", "variant", "marks", "sets", "strings")
    check_needs(settings, {letter: letter in task.letters for letter in letters})
    if settings.N is not None and settings.T is not None and settings.N >= settings.T:
        raise UsageError(f"data.N must be smaller than data.T, got {settings.N} and {settings.T}")
    return task.inputs(settings), task.outputs(settings)


def lengths(x: Tensor) -> Tensor:
    """The length of each sequence, (…,), of x (…, T) int16 or (…, T, n)."""
    return (x >= 0).sum(-1) if not x.is_floating_point() else (~x[..., 0].isnan()).sum(-1)


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`test`, and fresh sequences to train; for reber the strings of both sets, of which training draws at random.

    Raises UsageError where the settings describe no task.
    """
    if not isinstance(settings, SequenceSettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not learn sequences")
    sizes(settings)
    replicas = range(draws.first, draws.first + draws.replicas)
    draw = TASKS[settings.name].draw
    if draw is None:
        pairs = [_string_sets(draws.seed, replica % (settings.sets or 1), settings) for replica in replicas]
        parts = {name: _split([pair[name] for pair in pairs]) for name in ("train", "test")}

        def fresh(epoch: int) -> Split:
            chosen = [_chosen(draws.seed, replica, epoch, settings) for replica in replicas]
            row = torch.arange(len(chosen))[:, None]
            return Split(*(tensor[row, torch.from_numpy(np.stack(chosen))] for tensor in parts["train"]))
    else:
        test = [draw(stream(draws.seed, r, "patterns"), settings.tested, settings) for r in replicas]
        parts = {"test": _split(test)}

        def fresh(epoch: int) -> Split:
            block = [draw(stream(draws.seed, r, "patterns", epoch), settings.block, settings) for r in replicas]
            return _split(block)

    return Data(settings.name, parts, splits.checksum(parts), own=True, fresh=fresh, ragged=True)


def _split(drawn: list[tuple[Array, Array]]) -> Split:
    """The sequences of all replicas as tensors, as long as the longest one."""
    x, y = ([each[i] for each in drawn] for i in range(2))
    filled = _stack(x, -1 if x[0].dtype == np.int16 else np.nan), _stack(y, 0)
    return Split(*map(torch.from_numpy, filled))


def _stack(rows: list[Array], fill: float) -> Array:
    """Arrays (N, T, …) of different T on each other, (R, N, T, …); targets at the end, (N, m), as they are."""
    steps = max(row.shape[1] for row in rows)
    return np.stack([_lengthened(row, steps, fill) for row in rows])


def _lengthened(row: Array, steps: int, fill: float) -> Array:
    wider = np.full((row.shape[0], steps, *row.shape[2:]), fill, row.dtype)
    wider[:, : row.shape[1]] = row
    return wider


def _ends(rng: np.random.Generator, n: int, length: int) -> npt.NDArray[np.int64]:
    """Lengths uniform in T … T + T/10."""
    return rng.integers(length, length + length // 10 + 1, n)


def _one_hot(labels: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.float32]:
    codes: npt.NDArray[np.float32] = np.eye(count, dtype=np.float32)[labels]
    return codes


REBER = "BTPSXVE"
"""The symbols of task 1 in the order of the input and output units."""
GRAMMAR: Mapping[int, str] = {0: "B1", 1: "T2P3", 2: "S2X4", 3: "T3V5", 4: "X3S6", 5: "P4V6", 6: "E7"}
"""Reber's automaton (Fig. 3): state → its symbols, each with the state that it leads to; state 7 is the end."""


def string(rng: np.random.Generator) -> tuple[str, list[str]]:
    """An embedded Reber string (Fig. 4) and what may come after each of its symbols but the last."""
    outer = "TP"[rng.integers(2)]
    inner, state, legal = "", 0, list[str]()
    while state < 7:
        ways = GRAMMAR[state]
        legal.append(ways[::2])
        way = 2 * int(rng.integers(len(ways) // 2))
        inner, state = inner + ways[way], int(ways[way + 1])
    return f"B{outer}{inner}{outer}E", ["TP", *legal, outer, "E"]


def _string_sets(seed: int, pair: int, settings: SequenceSettings) -> dict[str, tuple[Array, Array]]:
    """A pair of sets: `train`, drawn with whatever repetitions chance makes, and `test`, of other strings."""
    rng, count = stream(seed, pair, "patterns"), settings.strings or 0
    train = [string(rng) for _ in range(count)]
    seen, test = {text for text, _ in train}, list[tuple[str, list[str]]]()
    while len(test) < count:
        found = string(rng)
        if found[0] not in seen:
            test.append(found)
    longest = max(len(text) for text, _ in train + test) - 1
    return {"train": _coded(train, longest), "test": _coded(test, longest)}


def _coded(strings: list[tuple[str, list[str]]], steps: int) -> tuple[Array, Array]:
    """Strings without their last symbol, (N, T), and which symbols may come next, (N, T, 7)."""
    x, y = np.full((len(strings), steps), -1, np.int16), np.zeros((len(strings), steps, len(REBER)), np.float32)
    for row, (text, legal) in enumerate(strings):
        x[row, : len(legal)] = [REBER.index(symbol) for symbol in text[:-1]]
        for step, symbols in enumerate(legal):
            y[row, step, [REBER.index(symbol) for symbol in symbols]] = 1
    return x, y


def _chosen(seed: int, replica: int, epoch: int, settings: SequenceSettings) -> npt.NDArray[np.int64]:
    """Which training strings a block shows, (block,)."""
    return stream(seed, replica, "patterns", epoch).integers(settings.strings or 1, size=settings.block)


def _lag(rng: np.random.Generator, n: int, settings: SequenceSettings) -> tuple[Array, Array]:
    """Tasks 2a, 2b: z, p − 1 symbols a, z, where z is x or y; a_1 … a_{p−1} in order, or any of them (2b)."""
    p = settings.p or 0
    rows = np.empty((n, p + 1), np.int16)
    rows[:, 0] = rows[:, -1] = rng.integers(p - 1, p + 1, n)
    rows[:, 1:-1] = np.arange(p - 1) if settings.name == "long_lag" else rng.integers(p - 1, size=(n, p - 1))
    return rows[:, :-1].copy(), _one_hot(rows[:, 1:], p + 1)


def _distractors(rng: np.random.Generator, n: int, settings: SequenceSettings) -> tuple[Array, Array]:
    """Task 2c: b, z, at least q of p distractors, one more with probability 9/10 each time, e; then z is asked for."""
    p, q = settings.p or 0, settings.q or 0
    counts = q + rng.geometric(0.1, n) - 1
    steps = int(counts.max()) + 3
    x = rng.integers(p, size=(n, steps)).astype(np.int16)
    z = rng.integers(2, size=n)
    x[:, 0], x[:, 1], x[np.arange(n), counts + 2] = p, p + 2 + z, p + 1
    x[np.arange(steps) > (counts + 2)[:, None]] = -1
    return x, _one_hot(z, 2)


def _two_sequences(rng: np.random.Generator, n: int, settings: SequenceSettings) -> tuple[Array, Array]:
    """Task 3: N values of ±1, then noise of variance 0.2, which 3b adds to the first ones too.

    Targets 1 and 0 for +1 and −1; in 3c 0.2 and 0.8, and beside them, y (n, 2), with noise of variance 0.1: that is
    what is learned.
    """
    length, first = settings.T or 0, settings.N or 0
    ends, label = _ends(rng, n, length), rng.integers(2, size=n)
    x = np.sqrt(0.2) * rng.standard_normal((n, length + length // 10))
    signal = np.where(label == 0, 1.0, -1.0)[:, None]
    x[:, :first] = signal if settings.variant == "a" else x[:, :first] + signal
    x[np.arange(x.shape[1]) >= ends[:, None]] = np.nan
    target = np.where(label == 0, *((0.2, 0.8) if settings.variant == "c" else (1.0, 0.0)))[:, None]
    if settings.variant == "c":
        target = np.concatenate([target, target + np.sqrt(0.1) * rng.standard_normal((n, 1))], 1)
    return x[..., None].astype(np.float32), target.astype(np.float32)


def _pairs(rng: np.random.Generator, n: int, settings: SequenceSettings) -> tuple[Array, Array]:
    """Tasks 4, 5: pairs (value, marker); X1 is one of the first ten, X2 one of the first T/2 − 1 still unmarked.

    The first and the last marker are −1. Where X1 is the first pair it stays so, and counts as 0 (a sum) or 1 (a
    product).
    """
    length, product = settings.T or 0, settings.name == "multiplication"
    ends, steps, row = _ends(rng, n, length), length + length // 10, np.arange(n)
    x = np.zeros((n, steps, 2))
    x[..., 0] = rng.uniform(0.0 if product else -1.0, 1.0, (n, steps))
    one = rng.integers(10, size=n)
    order = rng.random((n, length // 2 - 1))
    taken = np.arange(order.shape[1]) == one[:, None]
    taken[:, 0] = True
    two = np.where(taken, -1.0, order).argmax(1)
    x[row, one, 1], x[row, two, 1] = 1.0, 1.0
    x[:, 0, 1], x[row, ends - 1, 1] = -1.0, -1.0
    x1, x2 = np.where(one == 0, float(product), x[row, one, 0]), x[row, two, 0]
    x[np.arange(steps) >= ends[:, None]] = np.nan
    target = x1 * x2 if product else 0.5 + (x1 + x2) / 4
    return x.astype(np.float32), target[:, None].astype(np.float32)


ORDER = "EBabcdXY"
"""The symbols of task 6 in the order of the input units."""
PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
"""Where the marks of 6a and 6b stand, in sequences of 100 to 110; another T moves them in proportion."""


def _temporal_order(rng: np.random.Generator, n: int, settings: SequenceSettings) -> tuple[Array, Array]:
    """Task 6: E, fillers a … d with two or three marks X or Y among them, B; the class counts up from XX to YY."""
    length, marks = settings.T or 0, settings.marks or 0
    ends, steps, row = _ends(rng, n, length), length + length // 10, np.arange(n)
    x = rng.integers(2, 6, size=(n, steps)).astype(np.int16)
    label = np.zeros(n, np.int64)
    for low, high in PLACES[marks]:
        place = rng.integers(low * length // 100, high * length // 100 + 1, n)
        mark = rng.integers(2, size=n)
        x[row, place] = 6 + mark
        label = 2 * label + mark
    x[:, 0], x[row, ends - 1] = 0, 1
    x[np.arange(steps) >= ends[:, None]] = -1
    return x, _one_hot(label, 2**marks)


TASKS: Mapping[str, Task] = {
    "reber": Task(("sets", "strings"), lambda s: 7, lambda s: 7, True, None),
    "long_lag": Task(("p",), lambda s: (s.p or 0) + 1, lambda s: (s.p or 0) + 1, True, _lag),
    "random_lag": Task(("p",), lambda s: (s.p or 0) + 1, lambda s: (s.p or 0) + 1, True, _lag),
    "distractors": Task(("p", "q"), lambda s: (s.p or 0) + 4, lambda s: 2, False, _distractors),
    "two_sequences": Task(("T", "N", "variant"), lambda s: 1, lambda s: 1, False, _two_sequences),
    "adding": Task(("T",), lambda s: 2, lambda s: 1, False, _pairs),
    "multiplication": Task(("T",), lambda s: 2, lambda s: 1, False, _pairs),
    "temporal_order": Task(("T", "marks"), lambda s: 8, lambda s: 2 ** (s.marks or 0), False, _temporal_order),
}
