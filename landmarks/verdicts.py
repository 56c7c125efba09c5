"""Verdicts by rule: how a number of a paper stands against independent runs of ours.

`judge` looks at one claim, `judge_all` at all those of a milestone, whose contrasts share one error rate. A rule is
fixed by the claim before a run is made; 95 % throughout. Half of the last printed digit (`Claim.digit`) is added to
every half-width. What a rule resamples it draws from a fixed seed, so a verdict is a pure function of the numbers.

Sources: Welch 1947 (unequal variances), Wilcoxon 1945 and Mann, Whitney 1947 (ranks), Holm 1979 (several contrasts),
Fisher 1922 (two shares), Wilson 1927 (interval of a share), Efron 1979 (bootstrap).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from landmarks.claims import Claim, Source
from landmarks.measures import duration

Word = Literal[
    "holds", "fails", "compatible", "incompatible", "better", "worse", "faster", "slower", "differs",
    "contradicted", "inconclusive", "other data", "not judged", "not run",
]  # fmt: skip
Floats = npt.NDArray[np.float64]

LEVEL = 0.05
MARGIN = math.log(1.5)
"""How far apart, as a logarithm, two times to a criterion may lie and still count as the same."""
RESAMPLES = 5000
CONTRASTS = ("contrast", "ratio")
"""The kinds of claim that compare two arms of ours."""


@dataclass(frozen=True)
class Measured:
    """What one replica of one run came to, in the unit of the claim's metric.

    `solved` is false where it never met its criterion; `value` is then how long it tried. `dirty` is whether the run's
    code had changes that no commit holds (None: not known).
    """

    value: float
    seed: int
    replica: int = 0
    solved: bool = True
    data: str = ""
    scale: Literal["quick", "paper"] = "paper"
    dirty: bool | None = False


SOURCES: dict[Source, str] = {
    "seen": "read in the paper itself, and judged",
    "secondary": "taken from another text that cites the paper: judged, and marked so",
    "derived": "not printed in the paper, but proved or enumerated: judged, and marked so",
    "recalled": "from memory alone: shown, never judged",
}
"""Where a published number comes from, and what that means for judging."""
MARKS: dict[Source, str] = {
    "secondary": "; the paper's number is from a secondary source",
    "derived": "; the number is derived, the paper prints none",
}


@dataclass(frozen=True)
class Verdict:
    """What may be said of a claim, and the numbers behind it.

    `ours` is our side of the comparison (mean, median, share, gap or ratio), `interval` what chance leaves open about
    it: where the published number would have to lie, or 0 for a contrast. `n` counts distinct (seed, replica) pairs,
    in the smaller arm of two. `sentence` says it all in the claim's unit.
    """

    claim: str
    word: Word
    sentence: str
    n: int = 0
    ours: float | None = None
    interval: tuple[float, float] | None = None
    source: Source = "seen"

    @property
    def counts(self) -> bool:
        """Whether it belongs in a total of verdicts."""
        return self.word not in ("other data", "not judged", "not run")

    def __str__(self) -> str:
        return f"{self.claim}: {self.word}: {self.sentence}{MARKS.get(self.source, '')}"


class Case(NamedTuple):
    """A claim and what there is to judge it by: its runs, and those of a contrast's other arm."""

    claim: Claim
    runs: Sequence[Measured] = ()
    against: Sequence[Measured] = ()


def judge(claim: Claim, runs: Sequence[Measured], against: Sequence[Measured] = (), level: float = LEVEL) -> Verdict:
    """The verdict on one claim. `level` is the error rate of a contrast, less than 5 % where others share it."""
    ready = _ready(claim, runs, against)
    return ready if isinstance(ready, Verdict) else RULES[claim.kind](claim, *ready, level)


def judge_all(cases: Sequence[Case]) -> list[Verdict]:
    """The verdicts on all claims of a milestone, one each, in their order.

    Holm's procedure over the contrasts counts every one that may be judged, run or not: how many there are is fixed by
    the claims, not by what came out.
    """
    family = [i for i, (claim, *_) in enumerate(cases) if claim.kind in CONTRASTS and claim.source != "recalled"]
    levels = dict(zip(family, holm([_chance(cases[i]) for i in family]), strict=True))
    return [judge(*case, levels.get(i, LEVEL)) for i, case in enumerate(cases)]


def needed(claim: Claim) -> int:
    """How many distinct (seed, replica) pairs the claim's rule asks for, in each arm."""
    if claim.kind == "time":
        return 200 if claim.runs_behind == 1 else 10
    return {"exact": 1, "value": 5, "best": 5, "share": 20, "contrast": 5, "ratio": 10}[claim.kind]


def holm(chances: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level at which each contrast is tested, by their p: `level` over how many are left, until the first that
    fails; the rest are tested at that one's level, and fail too."""
    levels, left = [0.0] * len(chances), len(chances)
    for i in sorted(range(len(chances)), key=chances.__getitem__):
        levels[i] = level / left
        left -= chances[i] <= levels[i] and left > 1
    return levels


def wilson(solved: int, tried: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z = float(stats.norm.isf(level / 2))
    middle = (solved + z * z / 2) / (tried + z * z)
    half = z * math.sqrt(solved * (tried - solved) / tried + z * z / 4) / (tried + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


# What must be so before a rule is applied


def _ready(
    claim: Claim, runs: Sequence[Measured], against: Sequence[Measured]
) -> Verdict | tuple[list[Measured], list[Measured]]:
    """The runs of both arms that may be judged, or the verdict that none may."""
    if claim.source == "recalled":
        return Verdict(claim.id, "not judged", "the published number is recalled, not seen")
    if not claim.built:
        return Verdict(claim.id, "not run", "what would measure it is not built here")
    two = claim.kind in CONTRASTS
    if not runs or (two and not against):
        return Verdict(claim.id, "not run", _cost(claim))
    clean, against = ([run for run in arm if run.dirty is False] for arm in (runs, against))
    if not clean or (two and not against):
        return Verdict(claim.id, "not judged", "the code of the runs had changes that no commit holds")
    place = _data(claim, clean, against)
    if place is None and not two:
        return _elsewhere(claim, clean)
    arms = [[run for run in arm if place in ("", run.data)] for arm in (clean, against)]
    if two and not all(arms):
        return Verdict(claim.id, "inconclusive", "the two arms were run on different data")
    arms = [[run for run in arm if _scaled(claim, run)] for arm in arms]
    if not arms[0] or (two and not arms[1]):
        return Verdict(claim.id, "not judged", "quick runs demonstrate, they are not held against the paper")
    first, second = (_distinct(arm) for arm in arms)
    return _short(claim, first, second if two else first) or (first, second)


def _data(claim: Claim, runs: Sequence[Measured], against: Sequence[Measured]) -> str | None:
    """The set to judge on: one of the claim's, for a contrast any that both arms share; "" is any, None is none."""
    if not claim.data:
        return ""
    there = {run.data for run in runs}
    if claim.kind in CONTRASTS:
        there &= {run.data for run in against}
    own = [name for name in claim.data if name in there]
    if own or claim.kind not in CONTRASTS:
        return own[0] if own else None
    count = {name: sum(run.data == name for run in (*runs, *against)) for name in there}
    return min(there, key=lambda name: (-count[name], name), default=None)


def _scaled(claim: Claim, run: Measured) -> bool:
    """What is exact is exact at any scale, where the claim says so; everything else wants the paper's own."""
    return run.scale == "paper" or (claim.kind == "exact" and claim.scale == "quick")


def _distinct(runs: Sequence[Measured]) -> list[Measured]:
    """One run for each (seed, replica): the first."""
    return list({(run.seed, run.replica): run for run in reversed(runs)}.values())[::-1]


def _elsewhere(claim: Claim, runs: Sequence[Measured]) -> Verdict:
    """A number of ours on other data than the paper's: shown, and no more."""
    names = dict.fromkeys(run.data for run in runs)
    places = {name: _distinct([run for run in runs if run.data == name]) for name in names}
    found = {name: float(np.mean([_value(run) for run in there])) for name, there in places.items()}
    name = max(places, key=lambda name: len(places[name]))
    each = ", ".join(f"{_say(claim, mean)} on {data}" for data, mean in found.items())
    sentence = f"{each}; the paper's {claim.format(claim.published)} is on {' or '.join(claim.data)}"
    return _verdict(claim, "other data", sentence, len(places[name]), found[name])


def _short(claim: Claim, *arms: list[Measured]) -> Verdict | None:
    """`inconclusive` where there are fewer runs than asked for. A counterexample needs no company."""
    if claim.kind == "exact" and _broken(claim, arms[0]):
        return None
    n, seeds = min(map(len, arms)), min(len({run.seed for run in arm}) for arm in arms)
    if n >= needed(claim) and seeds >= claim.seeds:
        return None
    sentence = f"{n} of the {needed(claim)} runs that the rule asks for"
    if n >= needed(claim):
        sentence = f"{seeds} of the {claim.seeds} seeds that the claim asks for"
    return _verdict(claim, "inconclusive", sentence, n)


def _cost(claim: Claim) -> str:
    """What it would take to run it."""
    runs = claim.seeds * (2 if claim.kind in CONTRASTS else 1)
    each = ", ".join(f"{duration(runs * seconds)} on {device}" for device, seconds in claim.cost.items())
    return f"{runs} {'runs' if runs > 1 else 'run'} at scale={claim.scale}, {each or 'time not measured'}"


# The rules, and each in words


class Rule(NamedTuple):
    """A rule as a person says it: what is compared, when each verdict is given, and the formula where there is one."""

    says: str
    outcomes: dict[Word, str]
    formula: str = ""


BY_MARGIN: dict[Word, str] = {
    "holds": f"|d| + h ≤ ln {math.exp(MARGIN):g} = {MARGIN:.3f}",
    "faster": f"ours is faster, and |d| larger than h and than {MARGIN:.3f}",
    "slower": f"ours is slower, and |d| larger than h and than {MARGIN:.3f}",
    "inconclusive": "neither",
}


def _exact(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Verdict:
    """Equality, or the bound holds, in every case tried."""
    broken, n = _broken(claim, runs), len(runs)
    bound = {"low": "at most ", "high": "at least "}[claim.better] if claim.bound else ""
    sentence = f"{bound}{claim.format(claim.published)} in {n - len(broken):,} of {n:,} cases"
    if broken:
        first = broken[0]
        sentence += f"; {_say(claim, _value(first))} with seed {first.seed}, replica {first.replica}"
    return _verdict(claim, "fails" if broken else "holds", sentence, n, _value((broken or runs)[0]))


def _exact_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    kept = {"low": "at most", "high": "at least"}[claim.better] if claim.bound else "exactly"
    slack = f", give or take {claim.amount(claim.digit / 2)}" if claim.digit else ""
    return Rule(
        "There is nothing to average: it is so in every run, or it is not.",
        {"holds": f"every run gives {kept} {claim.printed}{slack}", "fails": "one run does not"},
    )


def _broken(claim: Claim, runs: Sequence[Measured]) -> list[Measured]:
    """The runs for which an exact claim does not hold."""
    over = _losses(claim, runs) - _sign(claim) * claim.published
    kept = (over if claim.bound else np.abs(over)) <= claim.digit / 2
    return [run for run, keeps in zip(runs, kept, strict=True) if not keeps]


def _mean(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Verdict:
    """A mean of n against a mean of k: compatible or not; with the paper's spread over k ≥ 5 runs, also the same."""
    x, n = _losses(claim, runs) * _sign(claim), len(runs)
    if not np.isfinite(x).all():
        return _verdict(claim, "inconclusive", f"{np.isinf(x).sum()} of {n} runs gave no number", n)
    k = 1 if claim.spread_over == "examples" else claim.runs_behind
    spread = claim.spread if claim.spread_over == "runs" and k >= 5 else None
    mean, own = float(x.mean()), float(x.var(ddof=1))
    theirs, degrees = (own / k, n - 1.0) if spread is None else (spread**2 / k, _degrees(own / n, n, spread**2 / k, k))
    half = float(stats.t.isf(LEVEL / 2, degrees)) * math.sqrt(own / n + theirs) + claim.digit / 2
    d = mean - claim.published
    direction: Word = "better" if _sign(claim) * d < 0 else "worse"
    sentence = f"{claim.format(mean)} ± {claim.format(half)} over {n} runs; paper {claim.format(claim.published)}"
    if spread is not None:
        margin = _margin(claim)
        sentence += f", and what lies within {claim.format(margin)} of it is the same"
        return _verdict(claim, _within(d, half, margin, direction), sentence, n, mean, (mean - half, mean + half))
    if also := [claim.format(rival) for rival in claim.rivals if abs(mean - rival) <= half]:
        sentence += f"; of its rivals compatible too: {', '.join(also)}"
    word: Word = "compatible" if abs(d) <= half else direction
    return _verdict(claim, word, sentence, n, mean, (mean - half, mean + half))


def _margin(claim: Claim) -> float:
    """What is the same as a mean with a spread: the spread, or the gap to the nearest rival."""
    return max(claim.spread or 0.0, min((abs(rival - claim.published) for rival in claim.rivals), default=0.0))


def _mean_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    k = 1 if claim.spread_over == "examples" else claim.runs_behind
    words: tuple[Word, Word] = ("better", "worse") if claim.better == "low" else ("worse", "better")
    low, high = words
    ours, slack = f"m and s are mean and standard deviation of our n = {n} runs", _plus_half_digit(claim)
    last = " + half a printed digit" if slack else ""
    if claim.spread is not None and claim.spread_over == "runs" and k >= 5:
        margin = claim.amount(_margin(claim))
        return Rule(
            f"{ours}, d = m − {claim.printed}; the paper's number is a mean of k = {k} runs with spread"
            f" S = {claim.amount(claim.spread)}. What lies within {margin} of it is the same: the larger of S and the"
            " gap to the nearest rival.",
            {
                "holds": f"|d| + h ≤ {margin}",
                low: f"m is lower, and |d| larger than h and than {margin}",
                high: f"m is higher, and |d| larger than h and than {margin}",
                "inconclusive": "neither",
            },
            f"h = t·√(s²/n + S²/k){last}, t by Welch\n  = t·√(s²/{n} + S²/{k}){slack}",
        )
    t, root, s = float(stats.t.isf(LEVEL / 2, n - 1)), math.sqrt(1 / n + 1 / k), claim.published / 20
    few = "one run" if k == 1 else f"a mean of k = {k} runs{' without a printed spread' * (k >= 5)}"
    spread = claim.spread if claim.spread_over == "examples" else None
    why = f" (its spread of {claim.amount(spread, 2)} is over test examples, not over runs)" if spread else ""
    ends = [claim.published + sign * (t * root * s + claim.digit / 2) for sign in (-1, 1)]
    near, far = (claim.amount(end, 3) for end in ends)
    example = f" (were s {claim.amount(s, 2)}, a twentieth of it: from {near} to {far})" if s else ""
    return Rule(
        f"{ours}; the paper's number counts as {few}{why}.",
        {
            "compatible": f"m is within h of {claim.printed}{example}; no more is ever said of {few}",
            low: "m is lower than that",
            high: "m is higher than that",
        },
        f"h = t(n−1)·s·√(1/n + 1/k){last}\n  = {t:.3f}·s·√(1/{n} + 1/{k}){slack}\n  = {t * root:.2f}·s{slack}",
    )


def _best(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Verdict:
    """The paper's best of k among the bests of k out of the n + k runs of both, which are alike if it is compatible.

    Resampled in closed form: the best j of the pool are all ours with probability C(n, j) / C(n + k, j). So below
    n = 39 k the paper's may well be ahead of all of ours by chance, and the interval has no end on that side.
    """
    x, n, k, half = np.sort(_losses(claim, runs)), len(runs), claim.runs_behind, claim.digit / 2
    first, last = _ranks(n, k)
    low = x[first - 1] - half if first else -math.inf
    high = x[last - 1] + half if last <= n else math.inf
    typical = float(np.quantile(x, 1 - 0.5 ** (1 / k), method="inverted_cdf"))
    published = _sign(claim) * claim.published
    word: Word = "compatible"
    if published < low or published > high:
        word = "worse" if published < low else "better"
    elif published < x[0] - half or published > x[-1] + half:
        word = "inconclusive"
    ends = sorted((_sign(claim) * low, _sign(claim) * high))
    between = " to ".join("any" if math.isinf(end) else claim.format(end) for end in ends)
    sentence = f"the best of {k} out of {n} runs: {between}; paper {claim.format(claim.published)}"
    if word == "inconclusive":
        sentence += f", beyond all of ours; {39 * k} runs would tell"
    return _verdict(claim, word, sentence, n, _sign(claim) * typical, (ends[0], ends[1]))


def _ranks(n: int, k: int) -> tuple[int, int]:
    """Between which of n sorted runs, counted from 1, the best of k lies; 0 and n + 1 are no end."""
    ahead = np.cumprod([1.0, *((n - j) / (n + k - j) for j in range(n)), 0.0])  # P(at least j of ours lead), j ≤ n + 1
    rare = LEVEL / 2 + 1e-12  # 1 of 40 is rare, whatever rounding says
    return int(np.sum(1 - ahead[1:] <= rare)), int(np.argmax(ahead <= rare))


def _best_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    k, (first, last) = claim.runs_behind, _ranks(n, claim.runs_behind)
    ends = f"{f'number {first}' if first else 'no end'} and {f'number {last}' if last <= n else 'no end'}"
    return Rule(
        f"The paper's number is the best of k = {k}. If runs are alike, such a best lies, with 95 %, between {ends} of"
        f" our n = {n} runs sorted from the best{_plus_half_digit(claim)} either way.",
        {
            "compatible": f"{claim.printed} lies there",
            "better": "it is worse than that",
            "worse": "it is better than that",
            "inconclusive": f"it is beyond all of ours on a side without an end; {39 * k} runs would tell",
        },
    )


def _time(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Verdict:
    """A time to a criterion: against the mean of k runs, or as one run among ours."""
    return _one_time(claim, runs) if claim.runs_behind == 1 else _mean_time(claim, runs)


def _one_time(claim: Claim, runs: list[Measured]) -> Verdict:
    """The percentile of one published run among ours, of which the unsolved took for ever."""
    x, n = np.sort(_losses(claim, runs)), len(runs)
    if early := sum(not run.solved and run.value < claim.published for run in runs):
        sentence = f"{early:,} of {n:,} runs gave up before {claim.format(claim.published)}"
        return _verdict(claim, "inconclusive", sentence, n)
    below = float(np.mean(x <= claim.published + claim.digit / 2))
    above = float(np.mean(x >= claim.published - claim.digit / 2))
    percentile = 50 * (np.mean(x < claim.published) + np.mean(x <= claim.published))
    word: Word = "compatible" if min(below, above) >= LEVEL / 2 else "incompatible"
    median, low, high = (float(np.quantile(x, q, method="inverted_cdf")) for q in (0.5, LEVEL / 2, 1 - LEVEL / 2))
    sentence = (
        f"{claim.format(claim.published)} is at percentile {percentile:.1f} of {n:,} runs, {np.isfinite(x).sum():,} of"
        f" them solved; median {_say(claim, median)}, 95 % between {_say(claim, low)} and {_say(claim, high)}"
    )
    return _verdict(claim, word, sentence, n, median, (low, high))


def _mean_time(claim: Claim, runs: list[Measured]) -> Verdict:
    """The mean time of those that solved it, by its logarithm."""
    x, n = _solved(runs), len(runs)
    if len(x) < needed(claim):
        return _verdict(claim, "inconclusive", f"{len(x)} of {n} runs solved it, {needed(claim)} are asked for", n)
    mean = float(x.mean())
    d, half = math.log(mean / claim.published), _half_of_logarithm(claim, x)
    interval = (mean * math.exp(-half), mean * math.exp(half))
    sentence = (
        f"mean {claim.format(mean)}, {claim.format(interval[0])} to {claim.format(interval[1])}, of {len(x)} solved"
        f" runs out of {n}; paper {claim.format(claim.published)}, and what lies within a factor of 1.5 is the same"
    )
    return _verdict(claim, _within(d, half, MARGIN, "faster" if d < 0 else "slower"), sentence, n, mean, interval)


def _half_of_logarithm(claim: Claim, *arms: Floats) -> float:
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


def _time_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    if claim.runs_behind == 1:
        few, last = math.ceil(n * LEVEL / 2 - 1e-9), f"from the 2.5th to the 97.5th percentile of our n = {n:,} runs"
        return Rule(
            f"The paper's {claim.printed} is one run. Its place among our runs decides; one that never arrives"
            " takes infinitely long.",
            {
                "compatible": f"it is {last}: at least {few:,} are as fast, and at least {few:,} as slow",
                "incompatible": "it is not",
                "inconclusive": f"a run of ours gave up before {claim.printed}",
            },
        )
    low, high = (claim.amount(claim.published * math.exp(sign * MARGIN)) for sign in (-1, 1))
    return Rule(
        f"d = ln(mean of ours / {claim.printed}), over those of our n = {n:,} runs that arrive; h is the 95 % reach of"
        f" ln(mean of {claim.runs_behind} / mean of n) in {RESAMPLES:,} bootstrap samples of ours. What lies within a"
        f" factor of {math.exp(MARGIN):g}, {low} to {high}, is the same.",
        BY_MARGIN,
    )


def _share(claim: Claim, runs: list[Measured], _: list[Measured], level: float) -> Verdict:
    """How many solved it, against the paper's counts."""
    if claim.counts is None:
        return _verdict(claim, "not judged", "the paper does not say how many of how many", len(runs))
    n, solved = len(runs), len(_solved(runs))
    theirs, tried = claim.counts

    p, (low, high), (least, most) = _fisher(claim.counts, solved, n), wilson(solved, n), _alike(claim.counts, n)
    sentence = (
        f"{solved:,} of {n:,} solved, {100 * solved / n:.1f} %, 95 % between {100 * low:.1f} and {100 * high:.1f} %;"
        f" paper {theirs:,} of {tried:,}; p = {p:.2g}; {least:,} to {most:,} of {n:,} would be compatible"
    )
    return _verdict(claim, "differs" if p < LEVEL else "compatible", sentence, n, solved / n, (low, high))


def _fisher(counts: tuple[int, int], solved: int, n: int) -> float:
    """The p of Fisher's exact test: so many of n of ours against the paper's counts."""
    theirs, tried = counts
    return float(stats.fisher_exact([[solved, n - solved], [theirs, tried - theirs]]).pvalue)


def _alike(counts: tuple[int, int], n: int) -> tuple[int, int]:
    """How many of n of ours at least, and at most, would be compatible with the paper's counts."""
    nearest = round(n * counts[0] / counts[1])
    least = bisect_left(range(nearest), True, key=lambda ours: _fisher(counts, ours, n) >= LEVEL)
    most = n - bisect_left(range(n - nearest), True, key=lambda fewer: _fisher(counts, n - fewer, n) >= LEVEL)
    return least, most


def _share_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    if claim.counts is None:
        return Rule("It cannot be judged: the paper does not say how many of how many.", {})
    (theirs, tried), (least, most) = claim.counts, _alike(claim.counts, n)
    return Rule(
        f"Fisher's exact test of how many of our n = {n:,} runs solve it against the paper's {theirs:,} of {tried:,}.",
        {
            "compatible": f"p ≥ {100 * LEVEL:g} %, which are {least:,} to {most:,} of {n:,}",
            "differs": f"p < {100 * LEVEL:g} %",
        },
    )


class Comparison(NamedTuple):
    """Two arms of ours: p; by how much the first is ahead (of ranks: its share of won pairs, less a half).

    `error` and `degrees` are of Welch's test, `slack` is the half digit; degrees are 0 for ranks.
    """

    p: float
    gap: float
    error: float = 0.0
    degrees: float = 0.0
    slack: float = 0.0

    def half(self, level: float) -> float:
        return float(stats.t.isf(level / 2, self.degrees)) * self.error + self.slack

    def word(self, level: float) -> Word:
        return "inconclusive" if self.p > level else "holds" if self.gap > 0 else "contradicted"


def _compare(claim: Claim, ours: list[Measured], theirs: list[Measured]) -> Comparison:
    """Welch's test, of logarithms for a ratio; by ranks where a run of either arm has no number."""
    x, y = _losses(claim, ours), _losses(claim, theirs)
    if not np.isfinite([*x, *y]).all():
        lost = stats.mannwhitneyu(x, y)
        return Comparison(1.0 if np.ptp(stats.rankdata([*x, *y])) == 0 else float(lost.pvalue),
                          0.5 - float(lost.statistic) / (len(x) * len(y)))  # fmt: skip
    if claim.kind == "ratio":
        x, y = np.log(x), np.log(y)
    slack = 0.0 if claim.kind == "ratio" else claim.digit / 2
    gap, u, w = float(y.mean() - x.mean()), float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    error, degrees, excess = math.sqrt(u + w), _degrees(u, len(x), w, len(y)), max(0.0, abs(gap) - slack)
    p = 2 * float(stats.t.sf(excess / error, degrees)) if error else float(excess == 0)
    return Comparison(p, gap, error, degrees, slack)


def _chance(case: Case) -> float:
    """The p of a contrast, 1 where it cannot be tested yet."""
    ready = _ready(*case)
    return 1.0 if isinstance(ready, Verdict) else _compare(case.claim, *ready).p


def _contrast(claim: Claim, ours: list[Measured], theirs: list[Measured], level: float) -> Verdict:
    """Whether the first arm is better than the other."""
    found, n = _compare(claim, ours, theirs), min(len(ours), len(theirs))
    tested = f"{len(ours)} and {len(theirs)} runs{_place(claim, ours)}, p = {found.p:.2g} against {level:.2g}"
    if not found.degrees:
        won = found.gap + 0.5
        solved = f"solved {len(_solved(ours))} of {len(ours)} against {len(_solved(theirs))} of {len(theirs)}"
        return _verdict(claim, found.word(level), f"{solved}, ahead in {100 * won:.0f} % of pairs; {tested}", n, won)
    means = [_sign(claim) * float(_losses(claim, arm).mean()) for arm in (ours, theirs)]
    half = found.half(level)
    paper = claim.format(claim.published) if claim.published else "prints no number"
    sentence = (
        f"{claim.format(means[0])} against {claim.format(means[1])}, ahead by {claim.format(found.gap)}"
        f" ± {claim.format(half)} (paper {paper}); {tested}"
    )
    return _verdict(claim, found.word(level), sentence, n, found.gap, (found.gap - half, found.gap + half))


def _contrast_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    t = float(stats.t.isf(LEVEL / 2, 2 * n - 2))
    slack = " + half a printed digit" if claim.digit else ""
    return Rule(
        f"Welch's t-test of two arms of n = {n} runs each; where a run of either never arrives, ranks decide"
        f" (Mann–Whitney). {_shared(contrasts)} By how much the paper's first arm is ahead plays no part. With the same"
        f" s in both arms and p at {100 * LEVEL:g} % a lead of g is enough:",
        {
            "holds": "the first arm is ahead, and p is small enough",
            "contradicted": "it is behind, and p is small enough",
            "inconclusive": "p is larger",
        },
        f"g = t(2n−2)·s·√(1/n + 1/n){slack}\n  = {t:.3f}·s·√(1/{n} + 1/{n}){_plus_half_digit(claim)}\n"
        f"  = {t * math.sqrt(2 / n):.2f}·s{_plus_half_digit(claim)}",
    )


def _ratio(claim: Claim, ours: list[Measured], theirs: list[Measured], level: float) -> Verdict:
    """How many times faster the first arm is: that it is at all, and how near to the paper's factor."""
    found, n = _compare(claim, ours, theirs), min(len(ours), len(theirs))
    tested = f"{len(ours)} and {len(theirs)} runs{_place(claim, ours)}, p = {found.p:.2g} against {level:.2g}"
    x, y = _solved(ours), _solved(theirs)
    if any(0 < len(arm) < needed(claim) for arm in (x, y)) or not (len(x) or len(y)):
        word = found.word(level)
        return _verdict(claim, "inconclusive" if word == "holds" else word,
                        f"solved {len(x)} and {len(y)}, {needed(claim)} are asked for; {tested}", n)  # fmt: skip
    arrived = [arm for arm in (x, y) if len(arm)]
    fast = float(x.mean()) if len(x) else min(run.value for run in ours)
    slow = float(y.mean()) if len(y) else min(run.value for run in theirs)
    d, half = math.log(slow / fast / claim.published), _half_of_logarithm(claim, *arrived)
    low, high = (slow / fast * math.exp(sign * half) if end else sign * math.inf
                 for sign, end in ((-1, len(x)), (1, len(y))))  # fmt: skip
    word = _within(d, half, MARGIN, "faster" if d > 0 else "slower")
    if len(arrived) == 1:  # only what lies beyond the bound is excluded
        word = word if word == ("slower" if len(y) else "faster") else "inconclusive"
    bound = "" if len(arrived) == 2 else "at most " if len(y) else "at least "
    sentence = (
        f"{bound}{slow / fast:.3g} times faster, {half:.2g} either way as a logarithm; paper {claim.published:.3g}"
    )
    verdict = found.word(level)
    return _verdict(claim, word if verdict == "holds" else verdict, f"{sentence}; {tested}", n, slow / fast,
                    (max(0.0, low), high))  # fmt: skip


def _ratio_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    low, high = (claim.published * math.exp(sign * MARGIN) for sign in (-1, 1))
    return Rule(
        f"First a contrast, whether the ratio is above 1: Welch's t-test of the logarithms of two arms of n = {n} runs"
        f" each, by ranks where one never arrives. {_shared(contrasts)} If it is, d = ln(ratio of the means /"
        f" {claim.published:g}), h is its 95 % reach in {RESAMPLES:,} bootstrap samples, and {low:.3g} to {high:.3g}"
        " times are the same. An arm that never arrives leaves a bound.",
        BY_MARGIN | {"contradicted": "the ratio is below 1, and p is small enough"},
    )


RULES: dict[str, Callable[[Claim, list[Measured], list[Measured], float], Verdict]] = {
    "exact": _exact,
    "value": _mean,
    "best": _best,
    "time": _time,
    "share": _share,
    "contrast": _contrast,
    "ratio": _ratio,
}
IN_WORDS: dict[str, Callable[[Claim, int, int], Rule]] = {
    "exact": _exact_in_words,
    "value": _mean_in_words,
    "best": _best_in_words,
    "time": _time_in_words,
    "share": _share_in_words,
    "contrast": _contrast_in_words,
    "ratio": _ratio_in_words,
}
"""Each rule as a person says it, with a claim's numbers put in, n runs of ours (in each arm) and so many contrasts."""


def in_words(claim: Claim, runs: int, contrasts: int = 1) -> Rule:
    """The rule by which a claim is judged, with its arithmetic, for so many runs (in each arm) or as many as it asks.

    `contrasts` is how many of the milestone's claims share the error rate of a contrast.
    """
    asked = needed(claim)
    said, outcomes, formula = IN_WORDS[claim.kind](claim, max(runs, asked), contrasts)
    if max(asked, claim.seeds) > 1:
        least = [f"{asked:,} runs"] * (asked > 1) + [f"{claim.seeds} seeds"] * (1 < claim.seeds != asked)
        fewer = f"there are fewer than {' or '.join(least)}{' in an arm' * (claim.kind in CONTRASTS)}"
        rest = outcomes.get("inconclusive")
        outcomes = outcomes | {"inconclusive": f"{rest}, or {fewer}" if rest else fewer}
    return Rule(said, outcomes, formula)


# What the rules share


def _verdict(
    claim: Claim, word: Word, sentence: str, n: int, ours: float | None = None,
    interval: tuple[float, float] | None = None,
) -> Verdict:  # fmt: skip
    return Verdict(claim.id, word, sentence, n, ours, interval, claim.source)


def _within(d: float, half: float, margin: float, direction: Word) -> Word:
    """Surely inside the margin, surely away, or neither."""
    if abs(d) + half <= margin:
        return "holds"
    return direction if abs(d) > max(half, margin) else "inconclusive"


def _degrees(u: float, n: int, w: float, k: int) -> float:
    """Welch's degrees of freedom, of variances u and w of two means over n and k runs."""
    return (u + w) ** 2 / (u * u / (n - 1) + w * w / (k - 1)) if u + w else n + k - 2.0


def _sign(claim: Claim) -> int:
    return 1 if claim.better == "low" else -1


def _value(run: Measured) -> float:
    return run.value if run.solved and math.isfinite(run.value) else math.inf


def _losses(claim: Claim, runs: Sequence[Measured]) -> Floats:
    """The values with the sign that makes less better, infinite where a run has none."""
    return np.array([math.inf if math.isinf(v := _value(run)) else _sign(claim) * v for run in runs])


def _solved(runs: Sequence[Measured]) -> Floats:
    return np.array([run.value for run in runs if math.isfinite(_value(run))])


def _plus_half_digit(claim: Claim) -> str:
    """Half of the last printed digit, as a term that is added."""
    return f" + {claim.amount(claim.digit / 2)}" if claim.digit else ""


def _shared(contrasts: int) -> str:
    """How several contrasts share one error rate."""
    if contrasts == 1:
        return f"p must be {100 * LEVEL:g} % at most."
    first, second = 100 * LEVEL / contrasts, 100 * LEVEL / (contrasts - 1)
    return (
        f"The milestone's {contrasts} contrasts share {100 * LEVEL:g} % (Holm): the smallest p is held against"
        f" {first:.2g} %, the next against {second:.2g} %, and so on."
    )


def _place(claim: Claim, runs: list[Measured]) -> str:
    """Where a contrast was judged, if not on the paper's data."""
    return "" if not claim.data or runs[0].data in claim.data else f" on {runs[0].data}"


def _say(claim: Claim, value: float) -> str:
    return "never" if math.isinf(value) else claim.format(value)
