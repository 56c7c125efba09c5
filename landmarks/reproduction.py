"""`landmarks reproduce`: make the runs that claims need, each once, within a budget, and give the verdicts."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from landmarks import catalog, config, data, explain, making, runs, shipped
from landmarks import device as devices
from landmarks.claims import Claim
from landmarks.errors import Interrupted, LandmarksError, UsageError
from landmarks.evidence import Evidence, Outcome
from landmarks.measures import duration
from landmarks.pages import words as in_words
from landmarks.plan import Plan, Request, Step
from landmarks.words import print_table

HARMLESS = ("data.name", "device", *runs.LOGGING, *(f"data.{key}" for key in runs.READING))
"""What may be put on top of a claim's runs: they still speak to it, on what may be other data."""
UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Asked:
    """A claim that was asked for, with the runs that it needs; `word` is that of the command line.

    `why`: the reason for which it is left out.
    """

    milestone: str
    claim: Claim
    word: str
    requests: tuple[Request, ...] = ()
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.milestone}.{self.claim.id}"


@dataclass
class Reproduction:
    """What came of it: the outcomes of the claims asked for, what was left out, what failed, what came out worse."""

    asked: list[Asked]
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[Asked] = field(default_factory=list)
    failed: list[making.Made] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 where a run failed, a claim came out worse, or nothing of a word could be run."""
        words = {asked.word for asked in self.asked}
        empty = words - {asked.word for asked in self.asked if not asked.why or asked in self.left}
        return int(bool(self.failed or self.worse or empty))


# What is asked for


def chosen(words: Sequence[str]) -> list[Asked]:
    """The claims that words such as `all`, `resnet`, `lenet.L1`, `mlp_xor,lstm` name, each once. Raises UsageError."""
    found: dict[tuple[str, str], Asked] = {}
    for word in ",".join(words).split(","):
        name, dot, id = word.partition(".")
        for each in catalog.CATALOG if word == "all" else [catalog.find(name).name]:
            claims = [explain.find(each, id)] if dot else catalog.milestone_class(each).card.claims
            for claim in claims:
                found.setdefault((each, claim.id), Asked(each, claim, word, why=_unrunnable(claim)))
    if not found:
        raise UsageError(f"reproduce wants a milestone, a claim or all: {', '.join(catalog.CATALOG)}")
    return [*found.values()]


def _unrunnable(claim: Claim) -> str:
    if claim.source == "recalled":
        return "recalled, so it is not judged"
    return "" if claim.built else "what would measure it is not built here"


def seconds_of(budget: str) -> float:
    """`2h`, `30m`, `90s` in seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", budget.strip())
    if not found or not float(found[1]):
        raise UsageError(f"--budget {budget}: write a time such as 90s, 30m or 2h")
    return float(found[1]) * UNITS[found[2]]


def number(option: str, text: str | int) -> int:
    """A count of at least one. Raises UsageError."""
    if not str(text).isdigit() or int(text) < 1:
        raise UsageError(f"{option} {text}: write a whole number, at least 1")
    return int(text)


def with_requests(asked: Iterable[Asked], overrides: Sequence[str], seeds: int | None) -> list[Asked]:
    """Each claim with the runs that it needs under every reading. Raises UsageError for an override that it bars."""
    kinds: dict[str, str] = {}
    found, costs = [], dict[tuple[str, tuple[str, ...]], float]()
    for each in asked:
        if each.milestone not in kinds:
            kinds[each.milestone] = _kind(each.milestone, overrides)
        kind = kinds[each.milestone]
        if not each.why:
            _check(each, overrides)
            for _, words in _arms(each, overrides):
                if kind in each.claim.cost:
                    costs.setdefault((each.milestone, words), each.claim.cost[kind])
    for each in asked:
        count = range(seeds or each.claim.seeds)
        requests = tuple(
            Request(each.milestone, words, f"{each.name}{arm}: seed {seed}", costs.get((each.milestone, words)), seed)
            for arm, words in ([] if each.why else _arms(each, overrides))
            for seed in count
        )
        found.append(replace(each, requests=requests))
    return found


def _kind(name: str, overrides: Sequence[str]) -> str:
    """The kind of device that a milestone's runs are made on; the overrides are checked by it. Raises UsageError."""
    for override in overrides:
        key = override.partition("=")[0]
        if key not in HARMLESS:
            hint = {"seed": "; --seeds N makes seeds 0 to N-1"}.get(
                key, f"; `landmarks run {name}` takes it, reproduce takes {', '.join(HARMLESS[:3])}, …"
            )
            raise UsageError(f"override {override}: would make other runs than those that the claims are about{hint}")
    if overrides:
        config.compose(name, overrides)
    return devices.resolve(config.tree(name, overrides)["device"]).type


def _check(asked: Asked, overrides: Sequence[str]) -> None:
    keys = {override.partition("=")[0]: override for override in overrides}
    for arm in (words for reading in ((), *asked.claim.readings) for words in asked.claim.arms_under(reading)):
        for word in arm:
            if (override := keys.get(word.partition("=")[0])) is not None:
                raise UsageError(f"override {override}: {asked.name} is about {word}; leave the override or it out")


def _arms(asked: Asked, overrides: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """What tells an arm from a claim's others, and its overrides."""
    claim, found = asked.claim, []
    scale = () if claim.scale == "quick" else (f"scale={claim.scale}",)
    for reading in ((), *claim.readings):
        for i, arm in enumerate(claim.arms_under(reading)):
            told = ", ".join((*(("other arm",) if i else ()), *reading))
            found.append((f" ({told})" if told else "", (*scale, *arm, *overrides)))
    return found


# What is made, in which order


def take(
    asked: Sequence[Asked],
    missing: Mapping[str, Step],
    keys: Mapping[Request, str],
    budget: float | None,
    jobs: int = 1,
) -> tuple[list[Asked], list[Asked]]:
    """The claims to make, cheapest first, and those that are left out with the reason.

    A claim costs what of its runs is `missing` and not already taken for another; one without a known cost is left out
    under a budget (seconds), and comes last without.
    """
    left, taken, out = [each for each in asked if each.requests], list[Asked](), list[Asked]()
    spent: dict[str, float] = {}
    while left:
        costs = {id(each): _cost(each, missing, keys, spent) for each in left}
        each = min(
            left, key=lambda each: (None in costs[id(each)].values(), sum(c or 0.0 for c in costs[id(each)].values()))
        )
        left.remove(each)
        new = costs[id(each)]
        needs = {key: cost or 0.0 for key, cost in new.items()}
        after = [*spent.values(), *needs.values()]
        if budget is not None and None in new.values():
            out.append(replace(each, why=f"{_runs(len(new))} of a time that is not known"))
        elif budget is not None and needs and max(sum(after) / jobs, max(after)) > budget:
            out.append(replace(each, why=f"{_runs(len(new))}, {_time(sum(needs.values()))}, beyond the budget"))
        else:
            taken.append(each)
            spent |= needs
    return taken, out


def _cost(
    asked: Asked, missing: Mapping[str, Step], keys: Mapping[Request, str], spent: Mapping[str, float]
) -> dict[str, float | None]:
    """The seconds of each run that a claim still needs."""
    found = {keys[request]: request.seconds for request in asked.requests}
    return {key: seconds for key, seconds in found.items() if key in missing and key not in spent}


def _without_data(asked: Sequence[Asked], plan: Plan) -> dict[str, str]:
    """The claims whose runs lack their data, with the sentence that tells the remedy; what can be downloaded is."""
    found: dict[str, str] = {}
    missing, obtained = {step.key: step for step in plan.missing}, dict[object, str]()
    for each in asked:
        for step in (missing[key] for key in _cost(each, missing, plan.keys, {})):
            place = data.needed(step.data), step.data.root
            if place not in obtained:
                obtained[place] = _obtain(step)
            if obtained[place]:
                found[each.name] = obtained[place]
    return found


def _obtain(step: Step) -> str:
    """Download what a step needs and lacks; the sentence that says why it cannot be had."""
    try:
        data.obtain(step.data)
    except LandmarksError as error:
        return str(error)
    return ""


# The whole


def reproduce(
    words: Sequence[str],
    overrides: Sequence[str] = (),
    budget: float | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    root: str = "runs",
    check: bool = False,
    quiet: bool = False,
) -> Reproduction:
    """Make what the claims that `words` name still need, and judge them.

    Only runs below `root` count. Raises UsageError for what cannot be asked, Interrupted after saving.
    """
    begun = time.monotonic()
    asked = with_requests(chosen(words), overrides, seeds)
    committed = {name: shipped.read(name)["outcomes"] for name in dict.fromkeys(each.milestone for each in asked)}
    if check and not any(each.claim.id in committed[each.milestone] for each in asked):
        raise UsageError(f"--check: no result of {', '.join(words)} is committed (results/claims) to compare with")
    dirty = runs.state_of_code()["dirty"]
    plan = Plan([request for each in asked for request in each.requests], root, clean=dirty is False)
    missing = {step.key: step for step in plan.missing}
    taken, left = take(asked, missing, plan.keys, budget, jobs)
    if lacking := _without_data(taken, plan):
        asked = [replace(each, requests=(), why=lacking[each.name]) if each.name in lacking else each for each in asked]
        taken, left = take(asked, missing, plan.keys, budget, jobs)
    done = Reproduction(asked, left=left)
    steps = {key: missing[key] for each in taken for key in _cost(each, missing, plan.keys, {})}
    if not quiet:
        _announce(taken, steps, plan, dirty, jobs)
    try:
        late = _make(list(steps.values()), plan, done, begun, budget, jobs, quiet)
    except (Interrupted, KeyboardInterrupt) as error:
        command = shlex.join(["landmarks", "reproduce", *words, *overrides])
        signal = error.exit_code - 128 if isinstance(error, Interrupted) else 2
        raise Interrupted(f"interrupted, what was begun is saved; `{command}` goes on", signal) from None
    done.left += [
        replace(each, why="time was up") for each in taken if late & {plan.keys[request] for request in each.requests}
    ]
    names = {each.name for each in asked}
    for milestone in committed:
        found = Evidence(milestone, root, here=True).outcomes()
        done.outcomes += [each for each in found if f"{milestone}.{each.claim.id}" in names]
    if check:
        done.worse = [said for each in done.outcomes if (said := worse(each, committed[each.milestone]))]
    return done


def _make(
    steps: Sequence[Step], plan: Plan, done: Reproduction, begun: float, budget: float | None, jobs: int, quiet: bool
) -> set[str]:
    """Make the steps while there is time; the keys of those for which there was none."""
    late = {step.key for step in steps}

    def in_time() -> Iterator[Step]:
        for step in steps:
            if budget is not None and time.monotonic() - begun > budget:
                return
            late.discard(step.key)
            yield step

    with making.progress(sum(step.request.seconds or 0.0 for step in steps), quiet or not steps) as progress:
        for made in making.make(in_time(), progress.began, jobs, plan.clean):
            if isinstance(made.run, LandmarksError):
                print(f"landmarks: {made.step.request.title}: {made.run}", file=sys.stderr, flush=True)
                done.failed.append(made)
            progress.ended(made.step)
    return late


def worse(outcome: Outcome, committed: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence where a claim comes out worse than committed, and was run."""
    before, word = committed.get(outcome.claim.id), outcome.verdict.word
    if before is None or word in ("not run", "stale"):
        return ""
    then: Any = before["word"]
    if outcome.rank >= replace(outcome, verdict=replace(outcome.verdict, word=then)).rank:
        return ""
    return f"{outcome.milestone}.{outcome.claim.id} is {word} and was {before['word']}: {outcome.verdict.sentence}"


# What is said


def _announce(taken: Sequence[Asked], steps: Mapping[str, Step], plan: Plan, dirty: bool | None, jobs: int) -> None:
    """The plan: for each claim its runs, how many stand, how long the rest should take."""
    rows, counted = [], set[str]()
    for each in taken:
        keys = dict.fromkeys(plan.keys[request] for request in each.requests)
        new = [steps[key] for key in keys if key in steps and key not in counted]
        counted |= keys.keys()
        standing = sum(key in plan.found for key in keys)
        rows.append((each.name, str(len(keys)), str(standing), str(len(new)), _sum(new)))
    if rows:
        print_table(("claim", "runs", "standing", "to make", "time"), rows)
    if not steps:
        print("nothing to make", flush=True)
        return
    where = {"cpu": "one CPU core", "cuda": "one GPU"}
    kinds = " and ".join(dict.fromkeys(where.get(step.kind, step.kind) for step in steps.values()))
    at_once = f", {jobs} at once" * (jobs > 1)
    print(f"{_runs(len(steps))} to make, {_sum([*steps.values()])} on {kinds}{at_once}", flush=True)
    if dirty is not False:
        print("the code has changes that no commit holds, so these runs will not be judged", flush=True)


def _sum(steps: Sequence[Step]) -> str:
    """The seconds of some runs; what is not known is said."""
    unknown = sum(step.request.seconds is None for step in steps)
    known = _time(sum(step.request.seconds or 0.0 for step in steps))
    if not steps:
        return "–"
    return known if not unknown else "not known" if unknown == len(steps) else f"{known} and {unknown} of unknown time"


def _time(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 1 else "less than 1 s"


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def tell(done: Reproduction, quiet: bool) -> None:
    """The verdicts, their totals, and what was left out; with `quiet` a line for each verdict."""
    if quiet:
        for outcome in done.outcomes:
            print(f"{outcome.milestone}.{outcome.verdict}")
    else:
        rows = [
            (
                f"{o.milestone}.{o.claim.id}",
                in_words.paper(o.claim),
                in_words.ours(o.claim, o.verdict),
                str(o.verdict.n or ""),
                f"{in_words.SIGNS[o.verdict.word]} {o.verdict.word}",
                o.under,
            )
            for o in done.outcomes
        ]
        print_table(("claim", "paper", "ours", "n", "verdict", "readings"), rows)
        totals = Counter(o.verdict.word for o in done.outcomes)
        print(", ".join(f"{count} {word}" for word, count in totals.items()))
        _tell_left(done)
    for said in done.worse:
        print(f"worse: {said}")


def _tell_left(done: Reproduction) -> None:
    out = [*done.left, *(each for each in done.asked if each.why and not _unrunnable(each.claim))]
    if out:
        print(f"left out: {len(out)} claim{'s' * (len(out) > 1)}")
        print_table(("claim", "why"), [(each.name, each.why) for each in out])
