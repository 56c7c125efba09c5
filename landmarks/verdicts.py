"""Verdicts by rule: how a number of a paper stands against independent runs of ours.

`judge` looks at one claim, `judge_all` at all those of a milestone, whose contrasts share one error rate. The rules of
all other claims are in `landmarks/rules.py`. A verdict is a pure function of the numbers.

Sources: Welch 1947 (unequal variances), Wilcoxon 1945 and Mann, Whitney 1947 (ranks), Holm 1979 (several contrasts).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from landmarks import rules
from landmarks.claims import Claim, Source
from landmarks.measures import duration
from landmarks.rules import LEVEL, MARGIN, Finding, Measured, Word

MARKS: dict[Source, str] = {
    "secondary": "; the paper's number is from a secondary source",
    "derived": "; the number is derived, the paper prints none",
}


@dataclass(frozen=True)
class Verdict:
    """What may be said of a claim, and the numbers behind it.

    `ours` is our side of the comparison (mean, median, share, gap or ratio), `interval` what chance leaves open about
    it: where the published number would have to lie, or 0 for a contrast; None where runs are too few to say. `n`
    counts distinct (seed, replica) pairs, in the smaller arm of two. `sentence` says it all in the claim's unit.
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
        return self.word not in ("other data", "not judged", "not run", "stale")

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
    if isinstance(ready, Verdict):
        return ready
    return Verdict(claim.id, *RULES[claim.kind](claim, *ready, level), claim.source)


def judge_all(cases: Sequence[Case]) -> list[Verdict]:
    """The verdicts on all claims of a milestone, one each, in their order.

    Holm's procedure over the contrasts counts every one that may be judged, run or not: how many there are is fixed by
    the claims, not by what came out.
    """
    family = [i for i, case in enumerate(cases) if shares_level(case.claim)]
    levels = dict(zip(family, holm([_chance(cases[i]) for i in family]), strict=True))
    return [judge(*case, levels.get(i, LEVEL)) for i, case in enumerate(cases)]


def shares_level(claim: Claim) -> bool:
    """Whether it is one of a milestone's contrasts, which share one error rate, run or not."""
    return claim.two_arms and claim.source != "recalled"


def holm(chances: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level at which each contrast is tested, by their p: `level` over how many are left, until the first that
    fails; the rest are tested at that one's level, and fail too."""
    levels, left = [0.0] * len(chances), len(chances)
    for i in sorted(range(len(chances)), key=chances.__getitem__):
        levels[i] = level / left
        left -= chances[i] <= levels[i] and left > 1
    return levels


# What must be so before a rule is applied


def _ready(
    claim: Claim, runs: Sequence[Measured], against: Sequence[Measured]
) -> Verdict | tuple[list[Measured], list[Measured]]:
    """The runs of both arms that may be judged, or the verdict that none may."""
    if claim.source == "recalled":
        return Verdict(claim.id, "not judged", "the published number is recalled, not seen")
    if not claim.built:
        return Verdict(claim.id, "not run", "what would measure it is not built here")
    two = claim.two_arms
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
    if two and not {run.device for run in arms[0]} & {run.device for run in arms[1]}:
        return Verdict(claim.id, "inconclusive", "the two arms were run on different kinds of device")
    arms = [[run for run in arm if _scaled(claim, run)] for arm in arms]
    if not arms[0] or (two and not arms[1]):
        return Verdict(claim.id, "not judged", "quick runs demonstrate, they are not held against the paper")
    first, second = (distinct(arm) for arm in arms)
    return _short(claim, first, second if two else first) or (first, second)


def _data(claim: Claim, runs: Sequence[Measured], against: Sequence[Measured]) -> str | None:
    """The set to judge on: one of the claim's, for a contrast any that both arms share; "" is any, None is none."""
    if not claim.data:
        return ""
    there = {run.data for run in runs}
    if claim.two_arms:
        there &= {run.data for run in against}
    own = [name for name in claim.data if name in there]
    if own or not claim.two_arms:
        return own[0] if own else None
    count = {name: sum(run.data == name for run in (*runs, *against)) for name in there}
    return min(there, key=lambda name: (-count[name], name), default=None)


def _scaled(claim: Claim, run: Measured) -> bool:
    """What is exact is exact at any scale, where the claim says so; everything else wants the paper's own."""
    return run.scale == "paper" or (claim.kind == "exact" and claim.scale == "quick")


def distinct(runs: Sequence[Measured]) -> list[Measured]:
    """One run for each (seed, replica): the first."""
    return list({(run.seed, run.replica): run for run in reversed(runs)}.values())[::-1]


def _elsewhere(claim: Claim, runs: Sequence[Measured]) -> Verdict:
    """A number of ours on other data than the paper's: shown, and no more."""
    names = dict.fromkeys(run.data for run in runs)
    places = {name: distinct([run for run in runs if run.data == name]) for name in names}
    found = {name: float(np.mean([run.reached for run in there])) for name, there in places.items()}
    name = max(places, key=lambda name: len(places[name]))
    each = ", ".join(f"{rules.say(claim, mean)} on {data}" for data, mean in found.items())
    sentence = f"{each}; the paper's {claim.format(claim.published)} is on {' or '.join(claim.data)}"
    return Verdict(claim.id, "other data", sentence, len(places[name]), found[name], source=claim.source)


def _short(claim: Claim, *arms: list[Measured]) -> Verdict | None:
    """`inconclusive` where there are fewer runs than asked for. A counterexample needs no company."""
    if claim.kind == "exact" and rules.broken(claim, arms[0]):
        return None
    n, seeds = min(map(len, arms)), min(len({run.seed for run in arm}) for arm in arms)
    if n >= rules.needed(claim) and seeds >= claim.seeds:
        return None
    sentence = f"{n} of the {rules.needed(claim)} runs that the rule asks for"
    if n >= rules.needed(claim):
        sentence = f"{seeds} of the {claim.seeds} seeds that the claim asks for"
    so_far = float(np.mean([run.reached for run in arms[0]])) if claim.kind in ("value", "best") else math.inf
    ours = so_far if math.isfinite(so_far) else None
    return Verdict(claim.id, "inconclusive", sentence, n, ours, source=claim.source)


def _cost(claim: Claim) -> str:
    """What it would take to run it."""
    runs = claim.seeds * len(claim.arms)
    each = ", ".join(f"{duration(runs * seconds)} on {device}" for device, seconds in claim.cost.items())
    return f"{runs} {'runs' if runs > 1 else 'run'} at scale={claim.scale}, {each or 'time not measured'}"


# Contrasts: which of two arms of ours is ahead


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
    x, y = rules.losses(claim, ours), rules.losses(claim, theirs)
    if not np.isfinite([*x, *y]).all():
        lost = stats.mannwhitneyu(x, y)
        return Comparison(1.0 if np.ptp(stats.rankdata([*x, *y])) == 0 else float(lost.pvalue),
                          0.5 - float(lost.statistic) / (len(x) * len(y)))  # fmt: skip
    if claim.kind == "ratio":
        x, y = np.log(x), np.log(y)
    slack = 0.0 if claim.kind == "ratio" else claim.digit / 2
    gap, u, w = float(y.mean() - x.mean()), float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    error, degrees, excess = math.sqrt(u + w), rules.degrees(u, len(x), w, len(y)), max(0.0, abs(gap) - slack)
    p = 2 * float(stats.t.sf(excess / error, degrees)) if error else float(excess == 0)
    return Comparison(p, gap, error, degrees, slack)


def _contrast(claim: Claim, ours: list[Measured], theirs: list[Measured], level: float) -> Finding:
    """Whether the first arm is better than the other."""
    found, n = _compare(claim, ours, theirs), min(len(ours), len(theirs))
    tested = _tested(claim, ours, theirs, found.p, level)
    if not found.degrees:
        won = found.gap + 0.5
        solved = f"solved {len(rules.solved(ours))} of {len(ours)} against {len(rules.solved(theirs))} of {len(theirs)}"
        return Finding(found.word(level), f"{solved}, ahead in {100 * won:.0f} % of pairs; {tested}", n, won)
    means = [rules.sign(claim) * float(rules.losses(claim, arm).mean()) for arm in (ours, theirs)]
    half = found.half(level)
    paper = claim.format(claim.published) if claim.published else "prints no number"
    sentence = (
        f"{claim.format(means[0])} against {claim.format(means[1])}, ahead by {claim.format(found.gap)}"
        f" ± {claim.format(half)} (paper {paper}); {tested}"
    )
    return Finding(found.word(level), sentence, n, found.gap, (found.gap - half, found.gap + half))


def _ratio(claim: Claim, ours: list[Measured], theirs: list[Measured], level: float) -> Finding:
    """How many times faster the first arm is: that it is at all, and how near to the paper's factor."""
    found, n = _compare(claim, ours, theirs), min(len(ours), len(theirs))
    tested = _tested(claim, ours, theirs, found.p, level)
    x, y = rules.solved(ours), rules.solved(theirs)
    if any(0 < len(arm) < rules.needed(claim) for arm in (x, y)) or not (len(x) or len(y)):
        word = found.word(level)
        return Finding("inconclusive" if word == "holds" else word,
                       f"solved {len(x)} and {len(y)}, {rules.needed(claim)} are asked for; {tested}", n)  # fmt: skip
    arrived = [arm for arm in (x, y) if len(arm)]
    fast = float(x.mean()) if len(x) else min(run.value for run in ours)
    slow = float(y.mean()) if len(y) else min(run.value for run in theirs)
    d, half = math.log(slow / fast / claim.published), rules.half_of_logarithm(claim, *arrived)
    low, high = (slow / fast * math.exp(sign * half) if end else sign * math.inf
                 for sign, end in ((-1, len(x)), (1, len(y))))  # fmt: skip
    word = rules.within(d, half, MARGIN, "faster" if d > 0 else "slower")
    if len(arrived) == 1:  # only what lies beyond the bound is excluded
        word = word if word == ("slower" if len(y) else "faster") else "inconclusive"
    bound = "" if len(arrived) == 2 else "at most " if len(y) else "at least "
    sentence = (
        f"{bound}{slow / fast:.3g} times faster, {half:.2g} either way as a logarithm; paper {claim.published:.3g}"
    )
    verdict = found.word(level)
    return Finding(word if verdict == "holds" else verdict, f"{sentence}; {tested}", n, slow / fast,
                   (max(0.0, low), high))  # fmt: skip


def _tested(claim: Claim, ours: list[Measured], theirs: list[Measured], p: float, level: float) -> str:
    """How a contrast was tested, and where if not on the paper's data."""
    place = "" if not claim.data or ours[0].data in claim.data else f" on {ours[0].data}"
    chance = f"p = {p:.2g}" if p > 1e-300 else "p < 1e-300"
    return f"{len(ours)} and {len(theirs)} runs{place}, {chance} against {level:.2g}"


def _chance(case: Case) -> float:
    """The p of a contrast, 1 where it cannot be tested yet."""
    ready = _ready(*case)
    return 1.0 if isinstance(ready, Verdict) else _compare(case.claim, *ready).p


RULES: dict[str, Callable[[Claim, list[Measured], list[Measured], float], Finding]] = {
    "exact": rules.exact,
    "value": rules.mean,
    "best": rules.best,
    "time": rules.time,
    "share": rules.share,
    "contrast": _contrast,
    "ratio": _ratio,
}
