"""A claim's outcome in a few words, for any page: the paper's number, ours with its interval, cost, provenance.

Plain text in the claim's unit, without markup. Light: neither torch nor SciPy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from landmarks.claims import Claim
from landmarks.measures import duration

if TYPE_CHECKING:
    from landmarks.evidence import Outcome
    from landmarks.records import Record
    from landmarks.rules import Word
    from landmarks.verdicts import Verdict

LISTED = 5
"""So many seeds are named at most."""
DEVICES = {"cpu": "one CPU core", "cuda": "one GPU"}
SIGNS: dict[Word, str] = {
    "holds": "✓", "compatible": "≈", "better": "▲", "faster": "▲", "worse": "▼", "slower": "▼", "fails": "✗",
    "incompatible": "✗", "contradicted": "✗", "differs": "≠", "inconclusive": "?", "other data": "◇",
    "not judged": "–", "not run": "○", "stale": "↻",
}  # fmt: skip
"""A sign beside each verdict, so that colour is never alone."""
MEANINGS: dict[Word, str] = {
    "holds": "It is so: exactly, or surely within the margin that counts as the same, or the first arm is surely ahead",
    "compatible": "The paper's number lies where chance alone could put it; no more can be said with so few runs"
    " behind it",
    "better": "Ours is better than chance explains",
    "faster": "Ours is faster than chance explains, and by more than a factor of 1.5",
    "worse": "Ours is worse than chance explains",
    "slower": "Ours is slower than chance explains, and by more than a factor of 1.5",
    "fails": "It is not so: one run of ours is a counterexample",
    "incompatible": "The paper's number lies outside 95 % of ours",
    "differs": "Ours solve it more or less often than the paper's, beyond chance",
    "contradicted": "The arm that should be ahead is behind, beyond chance",
    "inconclusive": "The runs so far can't tell, or there are fewer than the rule asks for",
    "other data": "Measured on other data than the paper's: shown, not judged, and in no total",
    "not judged": "The published number is recalled rather than read, or the runs may not be judged: in no total",
    "not run": "Nobody has run it here yet, or what would measure it is not built: in no total",
    "stale": "Run by another revision of the code, or with other settings: counted, and not judged",
}
"""What each verdict says, in general; `landmarks show NAME.CLAIM` tells when just this claim gets which."""
INTERVAL = (
    "An interval of ours, after ± or in brackets, is where the paper's number would have to lie if chance alone parted"
    " the two. Of a mean of n runs against one of k it has √(1/n + 1/k) in it, and half a printed digit, so it is wider"
    " than what our mean alone leaves open. That of a contrast is of the lead, at the level which Holm's procedure"
    " leaves it; that of a share is of ours alone. A cost is what runs take alone on a core; what one took is by the"
    " clock, and other work went on meanwhile"
)
"""What an interval says, for whoever reads one."""


def paper(claim: Claim) -> str:
    """The published number with the digits and the spread that the paper prints."""
    if claim.two_arms and claim.kind == "contrast":
        return f"ahead by {claim.printed}" if claim.published else "ahead"
    bound = {"low": "at most ", "high": "at least "}[claim.better] * claim.bound
    spread = ""
    if claim.spread is not None:
        over = {"runs": " over runs", "examples": " over test examples", None: ""}[claim.spread_over]
        spread = f" ± {claim.amount(claim.spread, 2)}{over}"
    solved = f" ({claim.counts[0]:,} of {claim.counts[1]:,})" if claim.counts else ""
    behind = ""
    if claim.runs_behind > 1 and not claim.counts:
        behind = f", {'best' if claim.kind == 'best' else 'mean'} of {claim.runs_behind}"
    return f"{bound}{claim.printed}{spread}{solved}{behind}"


def ours(claim: Claim, verdict: Verdict) -> str:
    """Our side of the comparison with what chance leaves open about it; "" where there is none."""
    value, interval = verdict.ours, verdict.interval
    if value is None:
        return ""
    so_far = " so far" * (verdict.word == "inconclusive")
    if claim.kind == "contrast" and interval is None:
        return f"ahead in {100 * value:.0f} % of pairs"
    if interval is None:
        return (claim.amount(value) if math.isfinite(value) else "never") + so_far
    if claim.kind in ("value", "contrast"):
        half = (interval[1] - interval[0]) / 2
        lead = ("ahead by " if value >= 0 else "behind by ") if claim.kind == "contrast" else ""
        return lead + plus_minus(claim, abs(value) if lead else value, half)
    unit = f" {claim.unit}"  # once is enough
    low, high = (_end(claim, end).removesuffix(unit) for end in interval)
    middle = "median " * (claim.kind == "time" and claim.runs_behind == 1)
    return f"{middle}{_end(claim, value)} ({low} to {high})"


def plus_minus(claim: Claim, value: float, half: float) -> str:
    """Two numbers in the unit of print, with as many decimals as two significant digits of the second ask for."""
    scale = 100 if claim.unit == "%" else 1
    unit = "" if claim.unit == "count" else f" {claim.unit}"
    decimals = max(0, 1 - int(f"{scale * half:.1e}".partition("e")[2])) if half > 0 else 2
    return f"{scale * value:,.{decimals}f} ± {scale * half:,.{decimals}f}{unit}"


def _end(claim: Claim, value: float) -> str:
    if not math.isfinite(value):
        return "never" if claim.kind == "time" else "no end"
    return f"{value:.3g} times" if claim.kind == "ratio" else claim.amount(value, 3)


def verdict(outcome: Outcome) -> str:
    """The word with its sign, and what a reader must know beside it."""
    word, known = outcome.verdict.word, beside(outcome)
    return f"{SIGNS[word]} {word}" + f" ({'; '.join(known)})" * bool(known)


def beside(outcome: Outcome) -> list[str]:
    """What a reader must know beside a verdict."""
    word = outcome.verdict.word
    left_out = outcome.stale if word != "stale" else 0
    agrees = "agrees " * (word not in ("compatible", "holds"))
    found = [
        f"{agrees}{outcome.under}" if outcome.under and outcome.verdict.counts else "",
        seeds(outcome.runs),
        changed(outcome),
        f"{left_out} stale run{'s' * (left_out > 1)} left out" if left_out else "",
    ]
    return [each for each in found if each]


def changed(outcome: Outcome) -> str:
    """What was done to a claim after the results behind it were recorded; "" where nothing was."""
    what = "readings were added" if outcome.extended else "the claim was changed"
    return f"{what} after this result" * outcome.edited


def seeds(behind: Iterable[Record]) -> str:
    """Which seeds runs were made with, where in any arm they are not just the first: 0, 1, 2, …"""
    arms: dict[str, set[int]] = {}
    for run in behind:
        arms.setdefault(run.configuration, set()).add(run.seed)
    every = {tuple(sorted(found)) for found in arms.values()}
    others = [found for found in every if found != tuple(range(len(found)))]
    if not others:
        return ""
    if len(every) > 1 or len(others[0]) > LISTED:
        return f"other seeds than the first {max(map(len, others)):,}"
    return f"seed{'s' * (len(others[0]) > 1)} {', '.join(map(str, others[0]))}"


def result(outcome: Outcome) -> str:
    """The verdict, ours and n, and whether that came with the package."""
    found, claim = outcome.verdict, outcome.claim
    n, came = f"n = {found.n:,}" * bool(found.n), "as shipped" * (outcome.shipped and found.word != "not run")
    return ", ".join(filter(None, [f"**{verdict(outcome)}**", ours(claim, found), n, came]))


def place(claim: Claim) -> str:
    """Where the paper has its number, and whether that was read there."""
    return claim.where + f"; {claim.source}" * (claim.source != "seen")


def cost(claim: Claim) -> str:
    """What all runs of a claim take, by kind of device."""
    runs = claim.seeds * len(claim.arms)
    if not claim.cost:
        return f"{runs} run{'s' * (runs > 1)}, time not measured"
    found = []
    for device, seconds in claim.cost.items():
        each, every = (duration(time) if time >= 1 else "less than 1 s" for time in (seconds, runs * seconds))
        found.append(f"{each} a run{f', {every} for all {runs}' * (runs > 1)}, on {DEVICES.get(device, device)}")
    return "; ".join(found)


def time(*seconds: float) -> str:
    """How long a run takes, or from the fastest to the slowest."""
    ends = [duration(each) if each >= 1 else "less than 1 s" for each in (min(seconds), max(seconds))]
    return " to ".join(dict.fromkeys(ends))


def provenance(group: Sequence[Record]) -> dict[str, str]:
    """What a sceptic asks of runs that differ in their seeds alone, by name, beside the command that makes them."""
    first = group[0]
    code = {True: " with changes that no commit holds", None: " (not known whether it was changed)", False: ""}
    return {
        "data": f"{first.data}: {_starts(run.checksum for run in group)}",
        "commit": ", then ".join(c[:10] for c in (first.commit or "not known", *first.went_on)) + code[first.dirty],
        "device": f"{first.device}, torch {first.versions.get('torch', 'not known')}",
        "date": first.date or "not known",
        "a run took": time(*(run.seconds for run in group)),
        "fingerprints": _starts(run.fingerprint for run in group),
    }


def unbroken(text: str) -> str:
    """No line ends within a number, or between a sign and its word."""
    return re.sub(r" (?=[%±])|(?<=[±✓≈▲▼✗≠?◇–○↻]) ", "\N{NO-BREAK SPACE}", text)


def _starts(found: Iterable[str]) -> str:
    """The first digits of checksums, each once; the whole ones are in the JSON."""
    return " ".join(dict.fromkeys(each[:8] for each in found))
