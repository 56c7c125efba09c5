"""The rules by which runs of ours are held against a published number, as pure functions (contrasts: `verdicts.py`).

A rule is fixed by the claim before a run is made; 95 % throughout. Half of the last printed digit (`Claim.digit`) is
added to every half-width. What a rule resamples it draws from a fixed seed.

Sources: Welch 1947 (unequal variances), Fisher 1922 (two shares), Wilson 1927 (interval of a share), Efron 1979
(bootstrap).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from landmarks.claims import Claim

Word = Literal[
    "holds", "fails", "compatible", "incompatible", "better", "worse", "faster", "slower", "differs",
    "contradicted", "inconclusive", "other data", "not judged", "not run", "stale",
]  # fmt: skip
Floats = npt.NDArray[np.float64]

LEVEL = 0.05
MARGIN = math.log(1.5)
"""How far apart, as a logarithm, two times to a criterion may lie and still count as the same."""
RESAMPLES = 5000
BOUND = {"low": "at most", "high": "at least"}
"""How an exact bound is kept, by which side is better."""


@dataclass(frozen=True)
class Measured:
    """What one replica of one run came to, in the unit of the claim's metric.

    `solved` is false where it never met its criterion; `value` is then how long it tried. `dirty` is whether the run's
    code had changes that no commit holds (None: not known), `device` the kind of device that made it.
    """

    value: float
    seed: int
    replica: int = 0
    solved: bool = True
    data: str = ""
    scale: Literal["quick", "paper"] = "paper"
    dirty: bool | None = False
    device: str = ""

    @property
    def reached(self) -> float:
        """The value, infinite where there is none or the criterion was never met."""
        return self.value if self.solved and math.isfinite(self.value) else math.inf


class Finding(NamedTuple):
    """What a rule says: `landmarks.verdicts.Verdict` tells its fields."""

    word: Word
    sentence: str
    n: int = 0
    ours: float | None = None
    interval: tuple[float, float] | None = None


def needed(claim: Claim) -> int:
    """How many distinct (seed, replica) pairs the claim's rule asks for, in each arm."""
    if not claim.drawn:
        return 1
    if claim.kind == "time":
        return 200 if claim.runs_behind == 1 else 10
    return {"exact": 1, "value": 5, "best": 5, "share": 20, "contrast": 5, "ratio": 10}[claim.kind]


def student(values: Floats) -> Floats:
    """Half the width of the 95 % t-interval of a mean over the first axis of `values` (n, …); nan where n < 2."""
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], math.nan)
    return np.asarray(stats.t.isf(LEVEL / 2, n - 1) * values.std(0, ddof=1) / math.sqrt(n))


def exact(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Finding:
    """Equality, or the bound holds, in every case tried."""
    bad, n = broken(claim, runs), len(runs)
    bound = f"{BOUND[claim.better]} " * claim.bound
    sentence = f"{bound}{claim.format(claim.published)} in {n - len(bad):,} of {n:,} cases"
    if bad:
        first = bad[0]
        sentence += f"; {say(claim, first.reached)} with seed {first.seed}, replica {first.replica}"
    return Finding("fails" if bad else "holds", sentence, n, (bad or runs)[0].reached)


def broken(claim: Claim, runs: Sequence[Measured]) -> list[Measured]:
    """The runs for which an exact claim does not hold."""
    over = losses(claim, runs) - sign(claim) * claim.published
    kept = (over if claim.bound else np.abs(over)) <= claim.digit / 2
    return [run for run, keeps in zip(runs, kept, strict=True) if not keeps]


def mean(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Finding:
    """A mean of n against a mean of k: compatible or not; with the paper's spread over k ≥ 5 runs, also the same."""
    x, n = losses(claim, runs) * sign(claim), len(runs)
    if not np.isfinite(x).all():
        return Finding("inconclusive", f"{np.isinf(x).sum()} of {n} runs gave no number", n)
    k, spread = behind(claim)
    ours, own = float(x.mean()), float(x.var(ddof=1)) if claim.drawn else 0.0
    theirs, free = (own / k, n - 1.0) if spread is None else (spread**2 / k, degrees(own / n, n, spread**2 / k, k))
    t = float(stats.t.isf(LEVEL / 2, free)) if claim.drawn else 0.0
    half = t * math.sqrt(own / n + theirs) + claim.digit / 2
    d = ours - claim.published
    direction: Word = "better" if sign(claim) * d < 0 else "worse"
    of = f" ± {claim.format(half)} over {n} runs" if claim.drawn else ", whatever the seed"
    sentence = f"{claim.format(ours)}{of}; paper {claim.format(claim.published)}"
    if spread is not None:
        margin = margin_of(claim)
        sentence += f", and what lies within {claim.format(margin)} of it is the same"
        return Finding(within(d, half, margin, direction), sentence, n, ours, (ours - half, ours + half))
    if also := [claim.format(rival) for rival in claim.rivals if abs(ours - rival) <= half]:
        sentence += f"; of its rivals compatible too: {', '.join(also)}"
    word: Word = "compatible" if abs(d) <= half else direction
    return Finding(word, sentence, n, ours, (ours - half, ours + half) if claim.drawn else None)


def behind(claim: Claim) -> tuple[int, float | None]:
    """How many runs a published mean counts as, and its spread over them where five or more make it one."""
    k = 1 if claim.spread_over == "examples" else claim.runs_behind
    return k, claim.spread if claim.spread_over == "runs" and k >= 5 else None


def margin_of(claim: Claim) -> float:
    """What is the same as a mean with a spread: the spread, or the gap to the nearest rival."""
    return max(claim.spread or 0.0, min((abs(rival - claim.published) for rival in claim.rivals), default=0.0))


def best(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Finding:
    """The paper's best of k among the bests of k out of the n + k runs of both, which are alike if it is compatible.

    Resampled in closed form: the best j of the pool are all ours with probability C(n, j) / C(n + k, j). So below
    n = 39 k the paper's may well be ahead of all of ours by chance, and the interval has no end on that side.
    """
    x, n, k, half = np.sort(losses(claim, runs)), len(runs), claim.runs_behind, claim.digit / 2
    first, last = ranks(n, k)
    low = x[first - 1] - half if first else -math.inf
    high = x[last - 1] + half if last <= n else math.inf
    typical = float(np.quantile(x, 1 - 0.5 ** (1 / k), method="inverted_cdf"))
    published = sign(claim) * claim.published
    word: Word = "compatible"
    if published < low or published > high:
        word = "worse" if published < low else "better"
    elif published < x[0] - half or published > x[-1] + half:
        word = "inconclusive"
    ends = sorted((sign(claim) * low, sign(claim) * high))
    between = " to ".join("any" if math.isinf(end) else claim.format(end) for end in ends)
    sentence = f"the best of {k} out of {n} runs: {between}; paper {claim.format(claim.published)}"
    if word == "inconclusive":
        sentence += f", beyond all of ours; {both_ends(k)} runs would tell"
    return Finding(word, sentence, n, sign(claim) * typical, (ends[0], ends[1]))


def both_ends(k: int) -> int:
    """How many runs of ours leave the best of k an end on either side: from there on k / (n + k) ≤ 2.5 %."""
    return 39 * k


def ranks(n: int, k: int) -> tuple[int, int]:
    """Between which of n sorted runs, counted from 1, the best of k lies; 0 and n + 1 are no end."""
    ahead = np.cumprod([1.0, *((n - j) / (n + k - j) for j in range(n)), 0.0])  # P(at least j of ours lead), j ≤ n + 1
    rare = LEVEL / 2 + 1e-12  # 1 of 40 is rare, whatever rounding says
    return int(np.sum(1 - ahead[1:] <= rare)), int(np.argmax(ahead <= rare))


def time(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Finding:
    """A time to a criterion: against the mean of k runs, or as one run among ours."""
    return _one_time(claim, runs) if claim.runs_behind == 1 else _mean_time(claim, runs)


def _one_time(claim: Claim, runs: list[Measured]) -> Finding:
    """The percentile of one published run among ours, of which the unsolved took for ever."""
    x, n = np.sort(losses(claim, runs)), len(runs)
    if early := sum(not run.solved and run.value < claim.published for run in runs):
        sentence = f"{early:,} of {n:,} runs gave up before {claim.format(claim.published)}"
        return Finding("inconclusive", sentence, n)
    below = float(np.mean(x <= claim.published + claim.digit / 2))
    above = float(np.mean(x >= claim.published - claim.digit / 2))
    percentile = 50 * (np.mean(x < claim.published) + np.mean(x <= claim.published))
    word: Word = "compatible" if min(below, above) >= LEVEL / 2 else "incompatible"
    median, low, high = (float(np.quantile(x, q, method="inverted_cdf")) for q in (0.5, LEVEL / 2, 1 - LEVEL / 2))
    sentence = (
        f"{claim.format(claim.published)} is at percentile {percentile:.1f} of {n:,} runs, {np.isfinite(x).sum():,} of"
        f" them solved; median {say(claim, median)}, 95 % between {say(claim, low)} and {say(claim, high)}"
    )
    return Finding(word, sentence, n, median, (low, high))


def _mean_time(claim: Claim, runs: list[Measured]) -> Finding:
    """The mean time of those that solved it, by its logarithm."""
    x, n = solved(runs), len(runs)
    if len(x) < needed(claim):
        return Finding("inconclusive", f"{len(x)} of {n} runs solved it, {needed(claim)} are asked for", n)
    ours = float(x.mean())
    d, half = math.log(ours / claim.published), half_of_logarithm(claim, x)
    interval = (ours * math.exp(-half), ours * math.exp(half))
    sentence = (
        f"mean {claim.format(ours)}, {claim.format(interval[0])} to {claim.format(interval[1])}, of {len(x)} solved"
        f" runs out of {n}; paper {claim.format(claim.published)}, and what lies within a factor of"
        f" {math.exp(MARGIN):g} is the same"
    )
    return Finding(within(d, half, MARGIN, "faster" if d < 0 else "slower"), sentence, n, ours, interval)


def half_of_logarithm(claim: Claim, *arms: Floats) -> float:
    """Half-width of ln(mean of n / mean of k), or of the difference of two such for a ratio, by the bootstrap."""
    draws, total = np.random.default_rng(0), np.zeros(RESAMPLES)
    for sign, x in zip((1, -1), arms, strict=False):
        total += sign * np.log(_means(draws, x, claim.runs_behind) / _means(draws, x, len(x)))
    return float(np.quantile(np.abs(total), 1 - LEVEL)) + math.log1p(claim.digit / 2 / claim.published)


def _means(draws: np.random.Generator, x: Floats, size: int) -> Floats:
    """The means of `RESAMPLES` samples of a size, drawn from x with replacement, a million numbers at a time."""
    rows = max(1, 1_000_000 // size)
    parts = [
        x[draws.integers(len(x), size=(min(rows, RESAMPLES - done), size))].mean(1)
        for done in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(parts)


def share(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Finding:
    """How many solved it, against the paper's counts."""
    if claim.counts is None:
        return Finding("not judged", "the paper does not say how many of how many", len(runs))
    n, found = len(runs), len(solved(runs))
    theirs, tried = claim.counts
    p, (low, high), (least, most) = _fisher(claim.counts, found, n), wilson(found, n), alike(claim.counts, n)
    sentence = (
        f"{found:,} of {n:,} solved, {100 * found / n:.1f} %, 95 % between {100 * low:.1f} and {100 * high:.1f} %;"
        f" paper {theirs:,} of {tried:,}; p = {p:.2g}; {least:,} to {most:,} of {n:,} would be compatible"
    )
    return Finding("differs" if p < LEVEL else "compatible", sentence, n, found / n, (low, high))


def _fisher(counts: tuple[int, int], solved: int, n: int) -> float:
    """The p of Fisher's exact test: so many of n of ours against the paper's counts."""
    theirs, tried = counts
    return float(stats.fisher_exact([[solved, n - solved], [theirs, tried - theirs]]).pvalue)


def alike(counts: tuple[int, int], n: int) -> tuple[int, int]:
    """How many of n of ours at least, and at most, would be compatible with the paper's counts."""
    nearest = round(n * counts[0] / counts[1])
    least = bisect_left(range(nearest), True, key=lambda ours: _fisher(counts, ours, n) >= LEVEL)
    most = n - bisect_left(range(n - nearest), True, key=lambda fewer: _fisher(counts, n - fewer, n) >= LEVEL)
    return least, most


def wilson(solved: int, tried: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z = float(stats.norm.isf(level / 2))
    middle = (solved + z * z / 2) / (tried + z * z)
    half = z * math.sqrt(solved * (tried - solved) / tried + z * z / 4) / (tried + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def within(d: float, half: float, margin: float, direction: Word) -> Word:
    """Surely inside the margin, surely away, or neither."""
    if abs(d) + half <= margin:
        return "holds"
    return direction if abs(d) > max(half, margin) else "inconclusive"


def degrees(u: float, n: int, w: float, k: int) -> float:
    """Welch's degrees of freedom, of variances u and w of two means over n and k runs."""
    return (u + w) ** 2 / (u * u / (n - 1) + w * w / (k - 1)) if u + w else n + k - 2.0


def sign(claim: Claim) -> int:
    """What makes less better."""
    return 1 if claim.better == "low" else -1


def losses(claim: Claim, runs: Sequence[Measured]) -> Floats:
    """The values with the sign that makes less better, infinite where a run has none."""
    return np.array([math.inf if math.isinf(v := run.reached) else sign(claim) * v for run in runs])


def solved(runs: Sequence[Measured]) -> Floats:
    """The values of those that have one."""
    return np.array([run.value for run in runs if math.isfinite(run.reached)])


def say(claim: Claim, value: float) -> str:
    """A value in the unit of print; an infinite one is never reached."""
    return "never" if math.isinf(value) else claim.format(value)
