"""Each rule of judging on simulated runs: false verdicts, power, ours against ours, and where exactly it turns."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from landmarks.claims import Claim
from landmarks.rules import Measured, needed, wilson
from landmarks.verdicts import Case, Verdict, holm, judge, judge_all

TIME = Claim(
    "T", "so many sweeps", "train_set/sweeps", 100.0, "p. 1", "seen", "sweeps", kind="time", digit=1.0, seeds=1
)
VALUE = Claim("V", "an error", "test/error", 0.01, "p. 1", "seen", digit=0.0001)
SMOOTH = replace(VALUE, digit=0.0)
SPREAD = replace(SMOOTH, runs_behind=5, spread=0.001, spread_over="runs")
BEST = replace(SMOOTH, kind="best", runs_behind=5)
SHARE = replace(TIME, kind="share", counts=(30, 30), published=1.0, digit=0.0)
CONTRAST = replace(SMOOTH, kind="contrast", published=0.02)
RATIO = replace(TIME, kind="ratio", published=6.0, digit=0.0, runs_behind=10)


def measured(values: Iterable[float], **what: Any) -> list[Measured]:
    """One run for each value; an infinite one was not solved."""
    return [
        Measured(v if math.isfinite(v) else 1e9, seed, solved=math.isfinite(v), **what) for seed, v in enumerate(values)
    ]


def word(claim: Claim, values: Iterable[float], against: Iterable[float] = ()) -> str:
    return judge(claim, measured(values), measured(against)).word


def rate_is(found: int, tried: int, chance: float) -> None:
    """Not a rate that a binomial of this chance gives once in 10,000 times, on either side."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], tried, chance)
    assert low <= found <= high, (found, tried, chance)


def rate_is_at_most(found: int, tried: int, chance: float) -> None:
    assert found <= stats.binom.ppf(1 - 1e-4, tried, chance), (found, tried, chance)


def turns(claim: Claim, values: Sequence[float], at: float, below: str, above: str, unit: float = 1e-9) -> None:
    """The verdict changes from one word to the other where the published value passes `at`."""
    assert word(replace(claim, published=at - unit), values) == below
    assert word(replace(claim, published=at + unit), values) == above


# A value


def test_one_published_run_is_called_different_in_five_of_a_hundred() -> None:
    draws = np.random.default_rng(1).normal(0.01, 0.001, (2000, 6))
    words = Counter(word(replace(SMOOTH, published=row[0]), row[1:]) for row in draws)
    rate_is(2000 - words["compatible"], 2000, 0.05)
    rate_is(words["better"], 2000, 0.025)


def test_power_against_one_published_run_is_that_of_the_t_test() -> None:
    """d / (s √(1/n + 1/k)) has the noncentral t distribution."""
    draws = np.random.default_rng(2).normal(0.0, 1.0, (1000, 6))
    found = sum(word(replace(SMOOTH, published=row[0] - 4), row[1:]) == "worse" for row in draws)
    rate_is(found, 1000, float(stats.nct.sf(2.776445, 4, 4 / math.sqrt(1.2))))


def test_value_turns_at_students_half_width_and_half_a_digit() -> None:
    x = [0.0101, 0.0093, 0.0098, 0.0107, 0.0096]
    mean = sum(x) / 5
    s = math.sqrt(sum((v - mean) ** 2 for v in x) / 4)
    for k, digit in ((1, 0.0001), (3, 0.0), (4, 0.001)):
        half = 2.7764451052 * s * math.sqrt(1 / 5 + 1 / k) + digit / 2  # t table, 4 degrees of freedom, 97.5 %
        claim = replace(VALUE, runs_behind=k, digit=digit)
        turns(claim, x, mean - half, "worse", "compatible")
        turns(claim, x, mean + half, "compatible", "better")
        turns(replace(claim, better="high"), x, mean + half, "compatible", "worse")
        assert judge(claim, measured(x)).interval == pytest.approx((mean - half, mean + half))


def test_ours_against_ours_is_compatible_and_never_more() -> None:
    x = np.random.default_rng(3).normal(0.01, 1e-6, 50)
    assert word(replace(SMOOTH, published=x.mean()), x) == "compatible"


def test_a_spread_over_test_examples_or_an_unknown_one_says_nothing_about_runs() -> None:
    x = np.random.default_rng(4).normal(0.01, 0.001, 5)
    one = judge(SMOOTH, measured(x))
    examples = judge(replace(SMOOTH, runs_behind=10, spread=0.0001, spread_over="examples"), measured(x))
    assert (examples.word, examples.interval) == (one.word, one.interval)
    unknown = judge(replace(SMOOTH, runs_behind=10), measured(x))
    assert unknown.interval is not None
    assert one.interval is not None
    shrunk = (unknown.interval[1] - unknown.interval[0]) / (one.interval[1] - one.interval[0])
    assert shrunk == pytest.approx(math.sqrt((1 / 5 + 1 / 10) / (1 / 5 + 1)))


def test_one_run_of_what_draws_nothing_is_compatible_up_to_half_a_digit() -> None:
    fixed = replace(VALUE, drawn=False, seeds=1)
    assert needed(fixed) == 1
    assert word(VALUE, [0.01]) == "inconclusive"
    turns(fixed, [0.01], 0.01 + 5e-5, "compatible", "better")
    turns(fixed, [0.01], 0.01 - 5e-5, "worse", "compatible")
    found = judge(replace(fixed, published=0.0095), measured([0.01]))
    assert (found.sentence, found.interval) == ("1.00 %, whatever the seed; paper 0.95 %", None)


def test_rivals_that_would_have_been_compatible_are_named() -> None:
    claim = replace(VALUE, rivals=(0.0105, 0.024))
    sentence = judge(claim, measured([0.0101, 0.0093, 0.0098, 0.0107, 0.0096])).sentence
    assert "1.05 %" in sentence
    assert "2.40 %" not in sentence


def test_a_value_with_a_run_that_gave_no_number_is_inconclusive() -> None:
    assert word(VALUE, [0.01, 0.011, 0.012, 0.009, math.inf]) == "inconclusive"
    assert word(VALUE, [0.01, 0.011, 0.012, 0.009, 0.01, math.nan]) == "inconclusive"


def welch(s: float, n: int, spread: float, k: int) -> float:
    """t √(s²/n + s_pub²/k), with Welch's degrees of freedom."""
    u, w = s * s / n, spread * spread / k
    degrees = (u + w) ** 2 / (u**2 / (n - 1) + w**2 / (k - 1))
    return float(stats.t.ppf(0.975, degrees)) * math.sqrt(u + w)


def published_means(seed: int, tried: int, n: int, k: int, shift: float) -> Counter[str]:
    draws = np.random.default_rng(seed).normal(0.0, 1.0, (tried, n + k))
    words: Counter[str] = Counter()
    for row in draws:
        theirs = row[:k] + shift
        claim = replace(SPREAD, runs_behind=k, published=theirs.mean(), spread=theirs.std(ddof=1))
        words[word(claim, row[k:])] += 1
    return words


def test_a_mean_of_five_is_seldom_called_different_and_ours_against_ours_is_inconclusive() -> None:
    words = published_means(5, 1000, 5, 5, 0.0)
    rate_is_at_most(words["better"] + words["worse"], 1000, 0.05)
    assert words["inconclusive"] > 900
    x = np.random.default_rng(6).normal(0.01, 0.001, 5)
    assert word(replace(SPREAD, published=x.mean(), spread=x.std(ddof=1)), x) == "inconclusive"


def test_a_mean_holds_with_enough_runs_and_seldom_where_it_lies_on_the_margin() -> None:
    assert published_means(7, 200, 60, 60, 0.0)["holds"] > 190
    rate_is_at_most(published_means(8, 1000, 60, 60, 1.0)["holds"], 1000, 0.05)
    assert published_means(9, 200, 20, 20, 2.0)["better"] > 190


def test_a_mean_with_spread_turns_at_the_margin() -> None:
    x = np.random.default_rng(10).normal(0.0661, 0.0010, 25)
    mean, s = float(x.mean()), float(x.std(ddof=1))
    claim = replace(SPREAD, digit=0.0001, runs_behind=25, spread=0.0016)
    half = welch(s, 25, 0.0016, 25) + 0.00005
    assert half < 0.0016
    turns(claim, x, mean + 0.0016 - half, "holds", "inconclusive")
    turns(claim, x, mean + 0.0016, "inconclusive", "better")
    turns(claim, x, mean - 0.0016, "worse", "inconclusive")
    few = x[:5]
    mean, half = float(few.mean()), welch(float(few.std(ddof=1)), 5, 0.0003, 5)
    turns(replace(SPREAD, spread=0.0003), few, mean + half, "inconclusive", "better")


def test_the_gap_to_the_nearest_rival_is_a_margin_where_it_is_larger_than_the_spread() -> None:
    x = np.random.default_rng(11).normal(0.0661, 0.0001, 25)
    claim = replace(SPREAD, runs_behind=25, spread=0.0001, published=float(x.mean()) - 0.001)
    assert word(claim, x) == "worse"
    assert word(replace(claim, rivals=(claim.published + 0.009, claim.published + 0.002)), x) == "holds"
    assert word(replace(claim, rivals=(claim.published + 0.00005,)), x) == "worse"


# The best of k


@pytest.mark.parametrize(("n", "k"), [(39, 1), (8, 2), (12, 3)])
def test_the_best_of_k_is_called_different_in_five_of_a_hundred_at_most(n: int, k: int) -> None:
    """Every way in which k published runs can lie among n of ours is as likely as any other."""
    words: Counter[str] = Counter()
    for theirs in itertools.combinations(range(n + k), k):
        ours = [float(i) for i in range(n + k) if i not in theirs]
        words[word(replace(BEST, runs_behind=k, published=float(min(theirs))), ours)] += 1
    total = math.comb(n + k, k)
    assert words["better"] <= 0.025 * total
    assert words["worse"] <= 0.025 * total
    assert words["worse"] > 0 if n >= 39 * k else words["worse"] == 0 < words["inconclusive"]
    assert (words["inconclusive"] == 0) == (n >= 39 * k)


def test_the_best_of_k_turns_where_counting_says() -> None:
    """Better, when a pool of n + k has its first j all ours with a chance below 2.5 %; worse, when none is ahead."""
    n, k = 200, 5
    x = np.sort(np.random.default_rng(12).normal(0.06, 0.002, n))
    j = next(j for j in range(n) if math.comb(n, j) / math.comb(n + k, j) <= 0.025)
    turns(BEST, x, x[j - 1], "compatible", "better", 1e-12)
    turns(BEST, x, x[0], "worse", "compatible", 1e-12)
    turns(replace(BEST, digit=0.001), x, x[0] - 0.0005, "worse", "compatible", 1e-12)
    turns(replace(BEST, better="high"), -x, -x[j - 1], "better", "compatible", 1e-12)


def test_power_of_the_best_of_k_and_ours_against_ours() -> None:
    draws = np.random.default_rng(13).normal(0.0, 1.0, (100, 205))
    assert sum(word(replace(BEST, published=row[:5].min() - 3), row[5:]) == "worse" for row in draws) > 90
    assert sum(word(replace(BEST, published=row[:5].min() + 3), row[5:]) == "better" for row in draws) > 90
    ours = judge(replace(BEST, published=draws[0, :5].min()), measured(draws[0]))
    assert ours.word == "compatible"
    bests = draws[0][np.random.default_rng(36).integers(205, size=(20_000, 5))].min(1)
    assert ours.ours == pytest.approx(float(np.median(bests)), abs=0.05)


# Time to a criterion


def test_a_mean_time_is_seldom_called_different() -> None:
    draws = np.exp(np.random.default_rng(14).normal(5.0, 0.8, (200, 30)))
    claim = replace(TIME, runs_behind=10, digit=0.0)
    words = Counter(word(replace(claim, published=row[:10].mean()), row[10:]) for row in draws)
    rate_is_at_most(words["faster"] + words["slower"], 200, 0.05)
    words = Counter(word(replace(claim, published=8 * row[:10].mean()), row[10:]) for row in draws)
    assert words["faster"] > 190


def test_mean_time_of_ours_against_ours_is_inconclusive_with_ten_runs_and_holds_with_many() -> None:
    x = np.random.default_rng(15).exponential(1000.0, 200)
    assert word(replace(TIME, runs_behind=10, published=x[:10].mean()), x[:10]) == "inconclusive"
    assert word(replace(TIME, runs_behind=200, published=x.mean()), x) == "holds"


def test_a_mean_time_turns_at_the_margin() -> None:
    """The half-width is that of the delta method, √(1/n + 1/k) coefficients of variation."""
    x = np.random.default_rng(16).normal(1000.0, 100.0, 40)
    claim = replace(TIME, runs_behind=20, digit=10.0)
    mean = float(x.mean())
    found = judge(replace(claim, published=mean), measured(x)).interval
    assert found is not None
    half = math.log(found[1] / mean)
    assert half - 5 / mean == pytest.approx(1.96 * float(x.std()) / mean * math.sqrt(1 / 40 + 1 / 20), rel=0.05)
    turns(claim, x, mean * 1.5, "inconclusive", "faster", 1e-6)
    turns(claim, x, mean / 1.5, "slower", "inconclusive", 1e-6)
    edge = mean * 1.5 * math.exp(-(half - math.log1p(5 / mean)) - math.log1p(5 / (mean * 1.5)))
    turns(claim, x, edge, "holds", "inconclusive", 2.0)


def test_a_mean_time_is_of_the_solved_alone_and_wants_ten_of_them() -> None:
    x = np.random.default_rng(17).normal(100.0, 1.0, 12)
    claim = replace(TIME, runs_behind=10)
    assert word(claim, [*x, math.inf, math.inf]) == "holds"
    assert word(claim, [*x[:9], math.inf, math.inf]) == "inconclusive"


def test_one_published_time_is_called_impossible_in_ten_of_its_201_ranks() -> None:
    ours = [float(2 * i) for i in range(1, 201)]
    words = [word(replace(TIME, published=2.0 * rank + 1, digit=0.0), ours) for rank in range(201)]
    assert [rank for rank, found in enumerate(words) if found == "incompatible"] == [*range(5), *range(196, 201)]
    assert set(words) == {"compatible", "incompatible"}


def test_one_published_time_turns_at_the_fifth_of_two_hundred_and_half_a_sweep() -> None:
    x = np.sort(np.exp(np.random.default_rng(18).normal(6.0, 0.6, 200)))
    turns(TIME, x, x[4] - 0.5, "incompatible", "compatible")
    turns(TIME, x, x[195] + 0.5, "compatible", "incompatible")


def test_power_against_one_published_time_and_its_percentile() -> None:
    draws = np.exp(np.random.default_rng(19).normal(6.0, 0.6, (300, 201)))
    found = sum(word(replace(TIME, published=row[0] / 20), row[1:]) == "incompatible" for row in draws)
    assert found > 280
    assert "percentile 40.0 of 200" in judge(replace(TIME, published=80.5), measured(range(1, 201))).sentence
    assert word(TIME, [100.0] * 200) == "compatible"


def test_the_unsolved_took_for_ever_but_not_if_they_gave_up_too_early() -> None:
    x = [*range(1, 101), *[math.inf] * 100]
    verdict = judge(replace(TIME, published=150.0), measured(x))
    assert (verdict.word, verdict.ours) == ("compatible", 100)
    assert "percentile 50.0" in verdict.sentence
    early = [*measured(range(1, 201)), Measured(100, 500, solved=False)]
    assert judge(replace(TIME, published=150.0), early).word == "inconclusive"


# A share


def fisher(a: int, n: int, b: int, m: int) -> float:
    """Fisher's p: all tables with these margins that are no more likely than this one."""
    chances = {
        i: math.comb(n, i) * math.comb(m, a + b - i) / math.comb(n + m, a + b)
        for i in range(max(0, a + b - m), min(n, a + b) + 1)
    }
    return sum(p for p in chances.values() if p <= chances[a] * (1 + 1e-9))


def test_shares_differ_where_fishers_sum_says_and_seldom_by_chance() -> None:
    n, m, differs = 20, 12, {}
    for ours, theirs in itertools.product(range(n + 1), range(m + 1)):
        found = word(replace(SHARE, counts=(theirs, m)), [1.0] * ours + [math.inf] * (n - ours))
        differs[ours, theirs] = found == "differs"
        assert (found == "differs") == (fisher(ours, n, theirs, m) < 0.05)
    for p in (0.5, 0.8, 0.95):
        chance = stats.binom.pmf(np.arange(n + 1), n, p)[:, None] * stats.binom.pmf(np.arange(m + 1), m, p)
        assert sum(chance[cell] for cell, differ in differs.items() if differ) <= 0.05


@pytest.mark.parametrize(("theirs", "tried"), [(30, 30), (1, 1), (2, 40), (0, 30)])
def test_a_share_says_what_else_would_have_been_compatible(theirs: int, tried: int) -> None:
    borne = [ours for ours in range(61) if fisher(ours, 60, theirs, tried) >= 0.05]
    claim = replace(SHARE, counts=(theirs, tried))
    said = judge(claim, [replace(run, solved=i < 20) for i, run in enumerate(measured([1.0] * 60))]).sentence
    assert f"{min(borne)} to {max(borne)} of 60 would be compatible" in said


def test_power_of_a_share_and_where_thirty_of_thirty_turns() -> None:
    """Of 30, as many as 25 against 30 of 30 are compatible (p = 0.052), 24 are not (0.024)."""
    words = [word(SHARE, [1.0] * solved + [math.inf] * (30 - solved)) for solved in range(31)]
    assert words == ["differs"] * 25 + ["compatible"] * 6
    assert float(stats.binom.cdf(24, 30, 0.6)) > 0.99
    assert word(replace(SHARE, counts=(15, 30)), [1.0] * 15 + [math.inf] * 15) == "compatible"


@pytest.mark.parametrize(("solved", "tried"), [(0, 20), (7, 20), (30, 30), (813, 1000)])
def test_wilsons_interval_ends_where_the_share_is_just_196_errors_away(solved: int, tried: int) -> None:
    share = solved / tried
    for end in wilson(solved, tried):
        if 0 < end < 1 - 1e-12:
            assert abs(share - end) == pytest.approx(1.959963985 * math.sqrt(end * (1 - end) / tried))
    verdict = judge(SHARE, measured([1.0] * solved + [math.inf] * (tried - solved)))
    assert verdict.interval == pytest.approx(wilson(solved, tried))


def test_a_share_of_unknown_counts_is_not_judged() -> None:
    assert word(replace(SHARE, counts=None), [1.0] * 20) == "not judged"


# Exact claims


def test_an_exact_claim_holds_in_every_case_or_fails_by_one() -> None:
    claim = replace(VALUE, kind="exact", published=14, digit=0.0, unit="count", seeds=1)
    assert word(claim, [14.0]) == "holds"
    assert word(claim, [14.0] * 200) == "holds"
    failed = judge(claim, measured([14.0] * 199 + [13.0]))
    assert (failed.word, failed.ours) == ("fails", 13.0)
    assert "199 of 200" in failed.sentence
    assert word(claim, [14.0, math.inf]) == "fails"


def test_a_bound_holds_on_its_better_side_up_to_itself() -> None:
    bound = replace(VALUE, kind="exact", published=50, digit=0.0, unit="count", seeds=1, bound=True)
    assert word(bound, [3.0, 50.0]) == "holds"
    assert word(bound, [3.0, 51.0]) == "fails"
    assert word(replace(bound, better="high"), [50.0, 51.0]) == "holds"
    assert word(replace(bound, better="high"), [49.0, 51.0]) == "fails"


def test_one_counterexample_is_enough_and_few_agreements_are_not() -> None:
    claim = replace(VALUE, kind="exact", published=14, digit=0.0, unit="count", seeds=5)
    assert word(claim, [14.0] * 4) == "inconclusive"
    assert word(claim, [13.0]) == "fails"


# Contrasts


def test_contrast_of_equal_arms_is_inconclusive_in_ninety_five_of_a_hundred() -> None:
    rng = np.random.default_rng(20)
    words = Counter(word(CONTRAST, rng.normal(0, 1, 5), rng.normal(0, 3, 8)) for _ in range(1000))
    rate_is(1000 - words["inconclusive"], 1000, 0.05)
    assert word(CONTRAST, [0.01, 0.02, 0.03, 0.04, 0.05], [0.01, 0.02, 0.03, 0.04, 0.05]) == "inconclusive"
    assert word(CONTRAST, [0.01] * 5, [0.01] * 5) == "inconclusive"


def test_power_of_a_contrast_is_that_of_the_t_test() -> None:
    rng = np.random.default_rng(21)
    words = Counter(word(CONTRAST, rng.normal(0, 1, 8), rng.normal(2, 1, 8)) for _ in range(500))
    rate_is(words["holds"], 500, float(stats.nct.sf(stats.t.ppf(0.975, 14), 14, 2 / math.sqrt(2 / 8))))
    assert words["contradicted"] == 0


def test_contrast_turns_at_welchs_half_width_and_half_a_digit() -> None:
    x, y = np.random.default_rng(22).normal(0, 1, 6), np.random.default_rng(23).normal(0, 3, 9)
    x, y = x - x.mean(), y - y.mean()
    claim = replace(CONTRAST, digit=0.2)
    half = stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95).high + 0.1
    assert half == pytest.approx(0.1 + welch(x.std(ddof=1), 6, y.std(ddof=1), 9))
    assert [word(claim, x, y + half + shift) for shift in (-1e-9, 1e-9)] == ["inconclusive", "holds"]
    assert [word(claim, x, y - half + shift) for shift in (-1e-9, 1e-9)] == ["contradicted", "inconclusive"]
    assert word(replace(claim, better="high"), x, y + half + 1e-9) == "contradicted"
    assert judge(claim, measured(x), measured(y + 1)).interval == pytest.approx((1 - half, 1 + half))


def test_censored_arms_are_compared_by_ranks() -> None:
    """The two-sided p is the share of all ways to deal the ranks that lie as far out."""
    x, y = [3.0, 4.0, 6.0, 9.0, 11.0, 2.0], [8.0, 12.0, 15.0, 20.0, math.inf]
    pool = sorted([*x, *y])
    sums = [sum(chosen) for chosen in itertools.combinations(range(11), 6)]
    ours, middle = sum(pool.index(v) for v in x), 6 * 10 / 2
    p = sum(abs(s - middle) >= abs(ours - middle) for s in sums) / len(sums)
    verdict = judge(CONTRAST, measured(x), measured(y))
    assert verdict.word == "holds"
    assert f"p = {p:.2g} against" in verdict.sentence
    assert word(CONTRAST, y, [*x]) == "contradicted"
    assert word(replace(CONTRAST, better="high"), [-v for v in x], [-v for v in y[:4]] + [math.inf]) == "holds"
    assert word(CONTRAST, [math.inf] * 5, [math.inf] * 5) == "inconclusive"


def test_ranks_of_equally_censored_arms_are_seldom_called_different() -> None:
    draws = np.random.default_rng(24).exponential(1.0, (600, 20))
    draws[draws > 1] = math.inf
    words = Counter(word(CONTRAST, row[:10], row[10:]) for row in draws)
    rate_is_at_most(600 - words["inconclusive"], 600, 0.05)


def test_holm_as_written_by_hand() -> None:
    """p of 0.01, 0.04, 0.03, 0.005: 0.005 ≤ 0.05/4 and 0.01 ≤ 0.05/3, but 0.03 > 0.05/2, and there it stops."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    assert holm([0.04]) == [0.05]
    assert holm([0.04, 0.045]) == pytest.approx([0.025, 0.025])
    assert holm([0.001, 0.002]) == pytest.approx([0.025, 0.05])
    assert holm([]) == []


def test_a_family_of_equal_arms_has_one_false_verdict_in_twenty() -> None:
    draws = np.random.default_rng(25).normal(0, 1, (300, 4, 2, 6))
    false = 0
    for family in draws:
        verdicts = judge_all([Case(CONTRAST, measured(x), measured(y)) for x, y in family])
        false += any(verdict.word != "inconclusive" for verdict in verdicts)
    rate_is_at_most(false, 300, 0.05)
    assert false > 0


def test_every_contrast_that_may_be_judged_counts_in_the_family_run_or_not() -> None:
    x, y = np.random.default_rng(26).normal(0, 1, (2, 8))
    x, y = x - x.mean(), y - y.mean() + 1.1 * welch(x.std(ddof=1), 8, y.std(ddof=1), 8)
    case = Case(CONTRAST, measured(x), measured(y))
    assert judge_all([case])[0].word == "holds"
    assert judge_all([case, Case(VALUE), Case(replace(CONTRAST, source="recalled"))])[0].word == "holds"
    assert judge_all([case, *[Case(replace(CONTRAST, id=f"C{i}")) for i in range(9)]])[0].word == "inconclusive"


# Ratios


def test_a_ratio_is_seldom_called_different_and_found_with_enough_runs() -> None:
    draws = np.exp(np.random.default_rng(27).normal(5.0, 0.5, (150, 2, 30)))
    words: Counter[str] = Counter()
    for x, y in draws:
        claim = replace(RATIO, published=6 * y[:10].mean() / x[:10].mean())
        words[word(claim, x[10:], 6 * y[10:])] += 1
    rate_is_at_most(150 - words["holds"] - words["inconclusive"], 150, 0.05)
    rng = np.random.default_rng(28)
    assert word(replace(RATIO, runs_behind=50), rng.normal(100, 10, 50), rng.normal(600, 60, 50)) == "holds"


def test_a_ratio_turns_at_its_margin() -> None:
    rng = np.random.default_rng(29)
    x, y = rng.normal(100, 10, 20), rng.normal(600, 60, 20)
    ratio = float(y.mean() / x.mean())
    for published, words in ((ratio * 1.5, ["inconclusive", "slower"]), (ratio / 1.5, ["faster", "inconclusive"])):
        shifted = [replace(RATIO, published=published + shift) for shift in (-1e-9, 1e-9)]
        assert [word(claim, x, y) for claim in shifted] == words


def test_a_ratio_of_ours_against_ours_is_inconclusive_and_of_the_faster_over_the_slower_contradicted() -> None:
    x = np.random.default_rng(30).normal(100, 10, 20)
    assert word(RATIO, x, x) == "inconclusive"
    assert word(RATIO, 6 * x, x) == "contradicted"


@pytest.mark.parametrize(("tried", "expected"), [(5000.0, "faster"), (700.0, "inconclusive"), (300.0, "inconclusive")])
def test_an_arm_that_never_arrives_gives_a_bound(tried: float, expected: str) -> None:
    """At least 50, 7 or 3 times as fast: only the first is surely more than six times and its margin."""
    x = measured(np.random.default_rng(31).normal(100, 5, 12))
    never = [Measured(tried, seed, solved=False) for seed in range(12)]
    verdict = judge(RATIO, x, never)
    assert verdict.word == expected
    assert "at least" in verdict.sentence
    assert verdict.interval is not None
    assert verdict.interval[1] == math.inf
    assert judge(RATIO, never, x).word == "contradicted"
    assert judge(RATIO, never, never).word == "inconclusive"


def test_a_bound_is_that_of_the_arm_that_gave_up_first() -> None:
    x = measured(np.random.default_rng(34).normal(100, 5, 12))
    verdict = judge(RATIO, x, [Measured(2000.0 + 1000 * seed, seed, solved=False) for seed in range(12)])
    assert verdict.ours == pytest.approx(2000 / np.mean([run.value for run in x]))


def test_whether_a_ratio_is_above_one_is_welchs_test_of_the_logarithms() -> None:
    x, y = np.exp(np.random.default_rng(35).normal(5.0, 1.0, (2, 15)))
    p = stats.ttest_ind(np.log(x), np.log(y), equal_var=False).pvalue
    assert f"p = {p:.2g} against" in judge(RATIO, measured(x), measured(y)).sentence


def test_a_ratio_with_a_few_that_arrived_is_inconclusive() -> None:
    x = np.random.default_rng(32).normal(100, 5, 12)
    assert word(RATIO, x, [*(6 * x[:5]), *[math.inf] * 7]) == "inconclusive"


# Before any rule


FIVE = [0.010, 0.011, 0.009, 0.0105, 0.0095]


def test_recalled_numbers_are_never_judged_and_secondary_ones_are_and_are_marked() -> None:
    assert judge(replace(VALUE, source="recalled"), measured(FIVE)).word == "not judged"
    secondary = judge(replace(VALUE, source="secondary"), measured(FIVE))
    assert secondary.word == "compatible"
    assert "secondary" in str(secondary)
    assert "derived" in str(judge(replace(VALUE, source="derived"), measured(FIVE)))
    assert not {"secondary", "derived"} & {*str(judge(VALUE, measured(FIVE))).split()}


def test_what_is_not_built_is_not_run() -> None:
    assert not replace(VALUE, metric="completion/error").built
    assert judge(replace(VALUE, metric="completion/error"), measured(FIVE)).word == "not run"


def test_nothing_run_is_so_said_with_its_cost() -> None:
    verdict = judge(replace(VALUE, cost={"cpu": 540.0}), [])
    assert verdict.word == "not run"
    assert "45 min on cpu" in verdict.sentence
    contrast = judge(replace(CONTRAST, cost={"cpu": 540.0}), measured(FIVE))
    assert contrast.word == "not run"
    assert "90 min on cpu" in contrast.sentence
    assert not contrast.counts


def test_a_value_on_other_data_is_shown_and_not_judged() -> None:
    claim = replace(VALUE, data=("mnist",))
    verdict = judge(claim, measured([0.026] * 5, data="mnist5k"))
    assert (verdict.word, verdict.ours, verdict.counts) == ("other data", pytest.approx(0.026), False)
    assert "2.60 % on mnist5k" in verdict.sentence
    two = judge(claim, [*measured([0.026] * 5, data="mnist5k"), *measured([0.1] * 6, data="FashionMNIST")])
    assert "2.60 % on mnist5k, 10.00 % on FashionMNIST" in two.sentence
    assert two.n == 6
    mixed = judge(claim, [*measured([0.5] * 9, data="mnist5k"), *measured(FIVE, data="mnist")])
    assert (mixed.word, mixed.n, mixed.ours) == ("compatible", 5, pytest.approx(0.01))


def test_a_contrast_without_a_published_number_says_so() -> None:
    arms = measured([0.010, 0.011, 0.012, 0.010, 0.011]), measured([0.030, 0.031, 0.032, 0.030, 0.031])
    assert "ahead by 2.00 % ± 0.12 % (paper 2.00 %); " in judge(CONTRAST, *arms).sentence
    without = judge(replace(CONTRAST, published=0.0), *arms)
    assert "ahead by 2.00 % ± 0.12 % (paper prints no number); " in without.sentence
    assert without.word == "holds"


def test_a_contrast_is_judged_on_other_data_but_within_one_set() -> None:
    claim = replace(CONTRAST, data=("mnist",))
    worse = [value + 0.02 for value in FIVE]
    verdict = judge(claim, measured(FIVE, data="mnist5k"), measured(worse, data="mnist5k"))
    assert verdict.word == "holds"
    assert "on mnist5k" in verdict.sentence
    both = [*measured([9.0] * 8, data="mnist"), *measured(FIVE, data="mnist5k")]
    assert judge(claim, both, measured(worse, data="mnist5k")).word == "holds"
    apart = judge(claim, measured(FIVE, data="mnist"), measured(worse, data="mnist5k"))
    assert apart.word == "inconclusive"


def test_runs_of_changed_or_unknown_code_are_never_judged() -> None:
    for dirty in (True, None):
        assert judge(VALUE, measured(FIVE, dirty=dirty)).word == "not judged"
    mixed = [*measured([0.5] * 20, dirty=True), *measured(FIVE)]
    assert judge(VALUE, mixed).ours == pytest.approx(0.01)
    assert judge(CONTRAST, measured(FIVE), measured(FIVE, dirty=True)).word == "not judged"


def test_quick_runs_judge_nothing_but_what_is_exact() -> None:
    assert judge(replace(VALUE, scale="quick"), measured(FIVE, scale="quick")).word == "not judged"
    contrast = replace(CONTRAST, scale="quick")
    assert judge(contrast, measured(FIVE, scale="quick"), measured(FIVE, scale="quick")).word == "not judged"
    mixed = [*measured([0.5] * 20, scale="quick"), *measured(FIVE)]
    assert judge(VALUE, mixed).ours == pytest.approx(0.01)
    exact = replace(VALUE, kind="exact", published=14, digit=0.0, unit="count", seeds=1)
    assert judge(exact, measured([14.0], scale="quick")).word == "not judged"
    assert judge(replace(exact, scale="quick"), measured([14.0], scale="quick")).word == "holds"


def test_the_same_seed_and_replica_count_once() -> None:
    assert judge(VALUE, measured(FIVE) * 3).n == 5
    assert judge(VALUE, measured(FIVE[:4]) * 3).word == "inconclusive"
    first = judge(VALUE, [*measured(FIVE), *measured([9.0] * 5)])
    assert first.ours == pytest.approx(0.01)
    replicas = [Measured(v, 0, replica) for replica, v in enumerate(FIVE)]
    assert judge(replace(VALUE, seeds=1), replicas).n == 5
    assert judge(VALUE, replicas).word == "inconclusive"


@pytest.mark.parametrize(
    ("claim", "least"),
    [(VALUE, 5), (SPREAD, 5), (BEST, 5), (replace(TIME, runs_behind=10), 10), (TIME, 200), (SHARE, 20), (CONTRAST, 5)],
)
def test_fewer_runs_than_the_rule_asks_for_are_inconclusive(claim: Claim, least: int) -> None:
    claim, values = replace(claim, seeds=1), [claim.published + i * 1e-5 for i in range(least)]
    enough = judge(claim, measured(values), measured(values))
    few = judge(claim, measured(values[1:]), measured(values))
    assert needed(claim) == least
    assert (few.word, few.n, few.interval) == ("inconclusive", least - 1, None)
    assert (few.ours is not None) == (claim.kind in ("value", "best"))  # a mean so far, without an interval
    assert f"{least - 1} of the {least} runs" in few.sentence
    assert enough.ours is not None


def test_a_verdict_is_a_function_of_the_numbers() -> None:
    x = np.random.default_rng(33).exponential(100.0, 30)
    claim = replace(TIME, runs_behind=10)
    assert judge(claim, measured(x)) == judge(claim, measured(x))


def test_verdicts_read_as_one_line() -> None:
    verdict: Verdict = judge(VALUE, measured(FIVE))
    assert str(verdict) == "V: compatible: 1.00 % ± 0.25 % over 5 runs; paper 1.00 %"
