"""`landmarks show NAME.CLAIM`: one claim as Markdown – what is published, how it is judged, and the runs it takes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from landmarks import assemble, catalog, config, describe
from landmarks.claims import Claim
from landmarks.errors import UsageError, nearest
from landmarks.milestone import Card
from landmarks.pages import markdown, words
from landmarks.rules_in_words import SOURCES, Rule, in_words
from landmarks.settings import Settings
from landmarks.verdicts import shares_level

if TYPE_CHECKING:
    from landmarks.evidence import Outcome


def find(name: str, word: str) -> Claim:
    """A milestone's claim by its name. Raises UsageError with the nearest one."""
    known = {claim.id: claim for claim in catalog.milestone_class(name).card.claims}
    if word not in known:
        same = [claim for claim in known if claim.lower() == word.lower()]
        hint = f" (did you mean {same[0]}?)" if same else nearest(word, known)
        raise UsageError(f"{name} has no claim {word or '“”'}{hint}; it has {', '.join(known) or 'none'}")
    return known[word]


def explain(name: str, claim: Claim, outcome: Outcome | None = None) -> str:
    """All that fixes the verdict on a claim before a run is made, as Markdown; and what came out."""
    cls = catalog.milestone_class(name)
    runs = [assemble.settings_of(config.compose(name, [f"scale={claim.scale}", *arm])) for arm in claim.arms]
    contrasts = sum(map(shares_level, cls.card.claims))
    parts = [f"# {name}.{claim.id}", claim.says, describe.bullets(_published(claim))]
    if outcome and claim.judgeable:
        parts.append(markdown.standing(outcome))
    if claim.source != "recalled":
        would = "is" if claim.built else "would be"
        pairs = claim.seeds * runs[0].replicas
        parts += [f"## How it {would} judged: {claim.kind}", _rule(in_words(claim, pairs, contrasts))]
        parts += [_rivals(claim)] if claim.rivals else []
        parts += [_readings(cls.card, claim)] if claim.readings else []
    parts.append("## The runs")
    if not claim.built:
        parts.append(f"Not built: nothing here measures `{claim.metric}`, so there are none, and no verdict.")
    elif claim.source == "recalled":
        parts.append("None: a number that nobody here has read is not judged.")
    else:
        parts += [*_protocol(name, claim, runs[0]), "## Departures from the paper in these runs"]
        parts.append(describe.departures(cls.card, *runs))
    return "\n\n".join(parts) + "\n"


def commands(name: str, claim: Claim) -> list[str]:
    """What to type for a claim's runs: one command for each arm; none where it is not to be judged."""
    if not claim.judgeable:
        return []
    seeds = range(claim.seeds)
    listed = ",".join(map(str, seeds)) if claim.seeds <= 20 else f"range({claim.seeds})"
    sweep = ["-m", f"seed={listed}"] if claim.seeds > 1 else []
    return [shlex.join(["landmarks", "run", name, *claim.typed(arm), *sweep]) for arm in claim.arms]


def _published(claim: Claim) -> list[str]:
    if claim.kind == "contrast":
        what = f"the first arm is ahead by {claim.printed}" if claim.published else "no number, only which is ahead"
    else:
        what = claim.printed
    digit = f" (to ± {claim.amount(claim.digit / 2)})" if claim.digit else ""
    over = {"runs": "runs", "examples": "test examples", None: "what is not said"}[claim.spread_over]
    spread = f", ± {claim.amount(claim.spread, 2)} over {over}" if claim.spread is not None else ""
    best = "the best" if claim.kind == "best" else "the mean"
    behind = f"; {best} of {claim.runs_behind} runs" if claim.runs_behind > 1 else ""
    counts = f"; {claim.counts[0]:,} of {claim.counts[1]:,}" if claim.counts else ""
    better = {"low": "less", "high": "more"}[claim.better]
    exact = claim.kind == "exact" and not claim.bound
    after = "" if claim.at is None else f" after {claim.at} epoch{'s' * (claim.at > 1)} of a longer run"
    measured = f"`{claim.metric}`{after}{'' if exact else f', where {better} is better'}"
    return [
        f"**Published:** {what}{digit}{spread}{behind}{counts}",
        f"**Where:** {claim.where}",
        f"**Source:** {claim.source} – {SOURCES[claim.source]}",
        f"**Measured as:** {measured if claim.built else 'nothing here measures it'}",
    ]


def _rule(rule: Rule) -> str:
    formula = f"\n\n```\n{rule.formula}\n```" if rule.formula else ""
    return f"{rule.says}{formula}\n\n" + describe.bullets(
        [f"`{word}` – {when}" for word, when in rule.outcomes.items()]
    )


def _rivals(claim: Claim) -> str:
    numbers = ", ".join(claim.amount(rival) for rival in claim.rivals)
    return f"Rivals that the paper claims to beat: {numbers}. The verdict names those that are compatible too."


def _readings(card: Card, claim: Claim) -> str:
    """The other answers to what the paper leaves open, each with the question that it answers."""
    asked = {open_point.key: open_point.question for open_point in card.readings}
    lines = []
    for reading in claim.readings:
        keys = (override.partition("=")[0] for override in reading)
        questions = dict.fromkeys(asked[key] for key in keys if key in asked)
        lines.append(" ".join((_code(reading), "–", *questions)))
    others = f"{len(lines)} other declared answer{'s' * (len(lines) > 1)}"
    return (
        f"The paper leaves open what decides about its number. So it is judged under {others} too, each alone in the"
        f" place of the one below, and under how many of all {len(lines) + 1} it is compatible is reported beside the"
        f" verdict. The published number chooses none of them.\n\n{describe.bullets(lines)}"
    )


def _protocol(name: str, claim: Claim, run: Settings) -> list[str]:
    two, replicas = claim.two_arms, run.replicas
    each = f", {'each ' * (claim.seeds > 1)}with {replicas:,} replicas side by side" if replicas > 1 else ""
    seeds = f"{claim.seeds} independent seed{'s' * (claim.seeds > 1)}{' in each arm' * two}{each}"
    where = " or ".join(claim.data) if claim.data else "any, as its patterns are generated"
    if claim.data and two:
        where += "; the two arms may also share another set"
    elif claim.data and run.data.name not in claim.data:
        where += f"; these runs are on {run.data.name}, so all they get is `other data`"
    lines = [
        f"**Scale:** {claim.scale}; data: {run.data.name}",
        f"**Runs:** {seeds}: own initial weights and own order of the data",
        f"**{'First arm' if two else 'Overrides'}:** {_code(claim.overrides)}",
        *([f"**Other arm:** {_code(claim.against)}"] if two else []),
        f"**Judged on:** {where}",
        f"**Cost:** {words.cost(claim)}",
    ]
    typed = "\n".join(commands(name, claim))
    return [describe.bullets(lines), f"```\n{typed}\n```"]


def _code(overrides: Sequence[str]) -> str:
    return " ".join(f"`{override}`" for override in overrides) or "none, the milestone as it is"
