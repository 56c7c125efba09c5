"""The claims that were asked for, the runs that each needs, and which of them fit into a budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from landmarks import catalog, config, explain, runs
from landmarks import device as devices
from landmarks.claims import Claim
from landmarks.errors import UsageError
from landmarks.measures import duration
from landmarks.plan import Plan, Request

HARMLESS = ("data.name", *(key for key in runs.PLACES if key != "runs"))
"""What may be put on top of a claim's runs: they still speak to it, on what may be other data."""
UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
Costs = Mapping[str, float | None]
"""Of each run, by its key: the seconds that it takes, None where nobody has measured them."""


@dataclass(frozen=True)
class Asked:
    """A claim that was asked for by a `word` of the command line, with the runs that it needs.

    `why`: the reason for which it is left out; `barred`: whether it cannot be run at all.
    """

    milestone: str
    claim: Claim
    word: str
    requests: tuple[Request, ...] = ()
    why: str = ""
    barred: bool = False

    @property
    def name(self) -> str:
        return f"{self.milestone}.{self.claim.id}"

    def keys(self, plan: Plan) -> dict[str, float | None]:
        """Its runs, each once, with the seconds that each takes."""
        return {plan.keys[request]: request.seconds for request in self.requests}


def chosen(words: Sequence[str]) -> list[Asked]:
    """The claims that words such as `all`, `resnet`, `lenet.L1`, `mlp_xor,lstm` name, each once. Raises UsageError."""
    found: dict[tuple[str, str], Asked] = {}
    for word in filter(None, ",".join(words).split(",")):
        name, dot, id = word.partition(".")
        for each in catalog.CATALOG if word == "all" else [catalog.find(name).name]:
            claims = [explain.find(each, id)] if dot else catalog.milestone_class(each).card.claims
            for claim in claims:
                why = _unrunnable(claim)
                found.setdefault((each, claim.id), Asked(each, claim, word, why=why, barred=bool(why)))
    if not found:
        raise UsageError(f"reproduce wants a milestone, a claim or all: {', '.join(catalog.CATALOG)}")
    return [*found.values()]


def _unrunnable(claim: Claim) -> str:
    if claim.source == "recalled":
        return "its number is recalled, not read, so it is not judged"
    return "" if claim.built else "what would measure it is not built here"


def seconds_of(budget: str | float) -> float:
    """`2h`, `30m`, `90s`, or a number of seconds, in seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", budget if isinstance(budget, str) else f"{budget}s")
    if not found or not float(found[1]):
        raise UsageError(f"--budget {budget}: write a time such as 90s, 30m or 2h")
    return float(found[1]) * UNITS[found[2]]


def number(option: str, text: str | int) -> int:
    """A count of at least one. Raises UsageError."""
    if not re.fullmatch(r"\d+", str(text), re.ASCII) or int(text) < 1:
        raise UsageError(f"{option} {text}: write a whole number, at least 1")
    return int(text)


def with_requests(asked: Sequence[Asked], overrides: Sequence[str], seeds: int | None) -> list[Asked]:
    """Each claim with the runs that it needs under every reading. Raises UsageError for an override that it bars.

    What a run takes is what a claim on it alone says, or else a contrast, whose cost is the mean of its arms.
    """
    open_ = [each for each in asked if not each.barred]
    kinds: dict[str, str] = {}
    costs: dict[tuple[str, tuple[str, ...]], float] = {}
    for each in open_:
        if each.milestone not in kinds:
            kinds[each.milestone] = _kind(each, overrides)
        _check(each, overrides)
    for name, kind in kinds.items():
        for claim in sorted(catalog.milestone_class(name).card.claims, key=lambda claim: claim.two_arms):
            for _, words in _arms(claim, overrides) if kind in claim.cost else ():
                costs.setdefault((name, words), claim.cost[kind])
    return [
        replace(
            each,
            requests=tuple(
                Request(
                    each.milestone, words, f"{each.name}{arm}, seed {seed}", costs.get((each.milestone, words)), seed
                )
                for arm, words in _arms(each.claim, overrides)
                for seed in range(seeds or each.claim.seeds)
            ),
        )
        if not each.barred
        else each
        for each in asked
    ]


def _kind(asked: Asked, overrides: Sequence[str]) -> str:
    """The kind of device that a milestone's runs are made on. Raises UsageError for an override that no claim bears."""
    name = asked.milestone
    for override in overrides:
        if (key := override.partition("=")[0]) not in HARMLESS:
            other = f"`landmarks run {name}` takes it, reproduce takes {', '.join(HARMLESS[:3])}, …"
            hint = "--seeds N makes seeds 0 to N - 1" if key == "seed" else other
            raise UsageError(f"override {override}: would make other runs than those that the claims are about; {hint}")
    if overrides:
        config.compose(name, overrides)
    _, words = _arms(asked.claim, overrides)[0]
    return devices.resolve(config.tree(name, words)["device"]).type


def _check(asked: Asked, overrides: Sequence[str]) -> None:
    """Raise UsageError for an override of what a claim's own runs set."""
    given = {override.partition("=")[0]: override for override in overrides}
    for _, words in _arms(asked.claim, ()):
        for word in words:
            if (override := given.get(word.partition("=")[0])) is not None:
                raise UsageError(f"override {override}: the runs of {asked.name} set {word}; leave one of the two out")


def _arms(claim: Claim, overrides: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Of each arm under each reading: what tells it from the claim's others, and its overrides."""
    found = []
    for reading in ((), *claim.readings):
        for i, arm in enumerate(claim.arms_under(reading)):
            told = ", ".join((*(("other arm",) if i else ()), *reading))
            found.append((f" ({told})" if told else "", (*claim.typed(arm), *overrides)))
    return found


def take(
    asked: Iterable[Asked], plan: Plan, budget: float | None = None, jobs: int = 1
) -> tuple[list[Asked], list[Asked]]:
    """The claims to make, cheapest first, and those that are left out with the reason.

    A claim costs what of its runs is missing and not already taken for another. One without a known cost is left out
    under a budget (seconds), and comes last without.
    """
    missing = {step.key for step in plan.missing}
    needs = [({k: s for k, s in each.keys(plan).items() if k in missing}, each) for each in asked if each.requests]
    taken, out, spent = list[Asked](), list[Asked](), dict[str, float]()
    while needs:
        costs = [{key: seconds for key, seconds in each.items() if key not in spent} for each, _ in needs]
        new, (_, each) = costs.pop(first := min(range(len(costs)), key=lambda i: _price(costs[i]))), needs.pop(first)
        unknown, price = _price(new)
        after = [*spent.values(), *(seconds or 0.0 for seconds in new.values())]
        if budget is not None and unknown:
            out.append(replace(each, why=f"{count(len(new))}, how long they take is not known"))
        elif budget is not None and new and max(sum(after) / jobs, *after) > budget:
            out.append(replace(each, why=f"{count(len(new))}, {about(price)}, beyond the budget"))
        else:
            taken.append(each)
            spent |= {key: seconds or 0.0 for key, seconds in new.items()}
    return taken, out


def _price(costs: Costs) -> tuple[bool, float]:
    """Whether what some runs take is not wholly known, and the sum of what is."""
    return None in costs.values(), sum(seconds or 0.0 for seconds in costs.values())


def about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 1 else "less than 1 s"


def count(runs: int) -> str:
    return f"{runs:,} run{'s' * (runs != 1)}"
