"""Each rule by which a claim is judged as a person says it, its numbers put in, before a run is made."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy import stats

from landmarks.claims import Claim, Source
from landmarks.rules import BOUND, LEVEL, MARGIN, RESAMPLES, Word, alike, behind, both_ends, margin_of, needed, ranks

SOURCES: dict[Source, str] = {
    "seen": "read in the paper itself, and judged",
    "secondary": "taken from another text that cites the paper: judged, and marked so",
    "derived": "not printed in the paper, but proved or enumerated: judged, and marked so",
    "recalled": "from memory alone: shown, never judged",
}
"""Where a published number comes from, and what that means for judging."""


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


def _exact_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    kept = BOUND[claim.better] if claim.bound else "exactly"
    slack = f", give or take {claim.amount(claim.digit / 2)}" if claim.digit else ""
    return Rule(
        "There is nothing to average: it is so in every run, or it is not.",
        {"holds": f"every run gives {kept} {claim.printed}{slack}", "fails": "one run does not"},
    )


def _mean_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    k, spread = behind(claim)
    words: tuple[Word, Word] = ("better", "worse") if claim.better == "low" else ("worse", "better")
    low, high = words
    if not claim.drawn:
        return Rule(
            "Nothing is drawn, so every seed gives the same m: no chance parts it from the paper's number, but the"
            " paper's rounding and what the paper leaves open.",
            {
                "compatible": f"m is within half a printed digit of {claim.printed}",
                low: "m is lower than that",
                high: "m is higher than that",
            },
        )
    ours, slack = f"m and s are mean and standard deviation of our n = {n} runs", _plus_half_digit(claim)
    last = " + half a printed digit" if slack else ""
    if spread is not None:
        margin = claim.amount(margin_of(claim))
        return Rule(
            f"{ours}, d = m − {claim.printed}; the paper's number is a mean of k = {k} runs with spread"
            f" S = {claim.amount(spread)}. What lies within {margin} of it is the same: the larger of S and the"
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
    other = claim.spread if claim.spread_over == "examples" else None
    why = f" (its spread of {claim.amount(other, 2)} is over test examples, not over runs)" if other else ""
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


def _best_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    k, (first, last) = claim.runs_behind, ranks(n, claim.runs_behind)
    ends = f"{f'number {first}' if first else 'no end'} and {f'number {last}' if last <= n else 'no end'}"
    return Rule(
        f"The paper's number is the best of k = {k}. If runs are alike, such a best lies, with 95 %, between {ends} of"
        f" our n = {n} runs sorted from the best{_plus_half_digit(claim)} either way.",
        {
            "compatible": f"{claim.printed} lies there",
            "better": "it is worse than that",
            "worse": "it is better than that",
            "inconclusive": f"it is beyond all of ours on a side without an end; {both_ends(k)} runs would tell",
        },
    )


def _time_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    if claim.runs_behind == 1:
        few, last = math.ceil(n * LEVEL / 2 - 1e-9), f"from the 2.5th to the 97.5th percentile of our n = {n:,} runs"
        return Rule(
            f"The paper's {claim.printed} counts as one run. Its place among our runs decides; a run that never arrives"
            " takes infinitely long.",
            {
                "compatible": f"it is {last}: at least {few:,} are as fast, and at least {few:,} as slow",
                "incompatible": "it is not",
                "inconclusive": f"a run of ours gave up before {claim.printed}",
            },
        )
    low, high = map(claim.amount, _same(claim))
    return Rule(
        f"d = ln(mean of ours / {claim.printed}), over those of our n = {n:,} runs that arrive; h is the 95 % reach of"
        f" ln(mean of {claim.runs_behind} / mean of n) in {RESAMPLES:,} bootstrap samples of ours. What lies within a"
        f" factor of {math.exp(MARGIN):g}, {low} to {high}, is the same.",
        BY_MARGIN,
    )


def _share_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    if claim.counts is None:
        return Rule("It cannot be judged: the paper does not say how many of how many.", {})
    (theirs, tried), (least, most) = claim.counts, alike(claim.counts, n)
    return Rule(
        f"Fisher's exact test of how many of our n = {n:,} runs solve it against the paper's {theirs:,} of {tried:,}.",
        {
            "compatible": f"p ≥ {100 * LEVEL:g} %, which are {least:,} to {most:,} of {n:,}",
            "differs": f"p < {100 * LEVEL:g} %",
        },
    )


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


def _ratio_in_words(claim: Claim, n: int, contrasts: int) -> Rule:
    low, high = _same(claim)
    return Rule(
        f"First a contrast, whether the ratio is above 1: Welch's t-test of the logarithms of two arms of n = {n} runs"
        f" each, by ranks where one never arrives. {_shared(contrasts)} If it is, d = ln(ratio of the means /"
        f" {claim.published:g}), h is its 95 % reach in {RESAMPLES:,} bootstrap samples, and {low:.3g} to {high:.3g}"
        " times are the same. An arm that never arrives leaves a bound.",
        BY_MARGIN | {"contradicted": "the ratio is below 1, and p is small enough"},
    )


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
        fewer = f"there are fewer than {' or '.join(least)}{' in an arm' * claim.two_arms}"
        rest = outcomes.get("inconclusive")
        outcomes = outcomes | {"inconclusive": f"{rest}, or {fewer}" if rest else fewer}
    return Rule(said, outcomes, formula)


def _same(claim: Claim) -> tuple[float, float]:
    """From where to where a time, or a ratio of two, counts as the published one."""
    return claim.published / math.exp(MARGIN), claim.published * math.exp(MARGIN)


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
