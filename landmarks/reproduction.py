"""`landmarks reproduce`: make the runs that claims need, each once, within a budget, and give the verdicts."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from landmarks import data, making, runs, shipped
from landmarks.errors import LandmarksError, UsageError
from landmarks.evidence import Evidence, Outcome
from landmarks.pages import words as in_words
from landmarks.plan import Plan, Step
from landmarks.wanted import Asked, about, chosen, count, take, with_requests
from landmarks.words import print_table

FEW = 5
"""Of so many claims each verdict is told in its sentence too."""


@dataclass(frozen=True)
class Terms:
    """How the runs are made: seconds that it may take, seeds of each claim, runs at once, and the folder they go to.

    `launcher`: the overrides that choose one of Hydra's, which takes them to other machines.
    """

    budget: float | None = None
    seeds: int | None = None
    jobs: int = 1
    root: str = "runs"
    launcher: tuple[str, ...] = ()
    quiet: bool = False
    begun: float = field(default_factory=time.monotonic)

    @property
    def late(self) -> bool:
        return self.budget is not None and time.monotonic() - self.begun > self.budget


@dataclass
class Reproduction:
    """What came of it: the outcomes of the claims asked for, what was left out, what failed, what came out worse."""

    asked: list[Asked]
    left: list[Asked] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    failed: int = 0
    worse: list[str] = field(default_factory=list)
    compared: int | None = None
    """Claims that were held against what is committed, where that was asked for."""

    @property
    def exit_code(self) -> int:
        """1 where a run failed, a claim came out worse, or nothing that a word asked for could be run or compared."""
        able = {asked.word for asked in self.asked if asked.requests}
        return int(bool(self.failed or self.worse or self.compared == 0 or {asked.word for asked in self.asked} - able))


def reproduce(words: Sequence[str], terms: Terms, check: bool = False) -> Reproduction:
    """Make what the claims that `words` name still need, and judge them; KEY=VALUE is put on top of all runs.

    Only runs below the folder count. With `check` they are compared with what is committed. Raises UsageError for what
    cannot be asked, Interrupted after saving.
    """
    names = [word for word in words if "=" not in word]
    launcher = tuple(word for word in words if "=" in word and word.startswith(("hydra/", "hydra.")))
    if launcher and terms.jobs > 1:
        raise UsageError(f"--jobs {terms.jobs}: {launcher[0]} decides how many runs are made at once; leave it out")
    terms = replace(terms, launcher=launcher)
    overrides = [word for word in words if "=" in word and word not in launcher]
    asked = with_requests(chosen(names), overrides, terms.seeds)
    committed = {name: shipped.read(name)["outcomes"] for name in dict.fromkeys(each.milestone for each in asked)}
    if check and not any(each.claim.id in committed[each.milestone] for each in asked):
        raise UsageError(f"--check: no result of {', '.join(names)} is committed (results/claims), so leave it out")
    with making.said_to_go_on():
        done = _make(asked, terms)
    wanted = {each.name for each in asked}
    for milestone in committed:
        found = Evidence(milestone, terms.root, here=True).outcomes()
        done.outcomes += [each for each in found if f"{milestone}.{each.claim.id}" in wanted]
    if check:
        done.worse = [said for each in done.outcomes if (said := worse(each, committed[each.milestone]))]
        done.compared = sum(comparable(each, committed[each.milestone]) for each in done.outcomes)
    return done


def _make(asked: list[Asked], terms: Terms) -> Reproduction:
    """Plan, say so, and make what is missing."""
    dirty = runs.state_of_code()["dirty"]
    plan = Plan([request for each in asked for request in each.requests], terms.root, clean=dirty is False)
    taken, left = take(asked, plan, terms.budget, terms.jobs)
    if lacking := _without_data(taken, plan):
        asked = [replace(each, requests=(), why=lacking[each.name]) if each.name in lacking else each for each in asked]
        taken, left = take(asked, plan, terms.budget, terms.jobs)
    done = Reproduction(asked, left)
    missing = {step.key: step for step in plan.missing}
    steps = {key: missing[key] for each in taken for key in each.keys(plan) if key in missing}
    if not terms.quiet:
        _announce(taken, steps, plan, dirty, terms)
    late, busy = _work(steps, plan, done, terms)
    for each in taken:
        keys = each.keys(plan).keys()
        if keys & (late | busy):
            why = "time was up before all its runs were made" if keys & late else "another process makes its runs"
            done.left.append(replace(each, why=why))
    return done


def _without_data(asked: Sequence[Asked], plan: Plan) -> dict[str, str]:
    """The claims whose runs lack their data, with the sentence that tells the remedy; what can be downloaded is."""
    found: dict[str, str] = {}
    missing, obtained = {step.key: step for step in plan.missing}, dict[object, str]()
    for each in asked:
        for step in (missing[key] for key in each.keys(plan) if key in missing):
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


def _work(steps: Mapping[str, Step], plan: Plan, done: Reproduction, terms: Terms) -> tuple[set[str], set[str]]:
    """Make the steps while there is time. Those for which there was none, and those that others make, by their keys."""
    late, busy = {*steps}, set[str]()

    def in_time() -> Iterator[Step]:
        for key, step in steps.items():
            if terms.late:
                return
            late.discard(key)
            yield step

    seconds = sum(step.request.seconds or 0.0 for step in steps.values())
    with making.progress(seconds, terms.quiet or not steps) as progress:
        if terms.launcher:
            found = making.elsewhere([*in_time()], terms.launcher, plan.clean)
        else:
            found = making.make(in_time(), progress.began, terms.jobs, plan.clean)
        for step, run in found:
            if isinstance(run, making.Busy):
                busy.add(step.key)
            elif isinstance(run, LandmarksError):
                done.failed += 1
            if isinstance(run, LandmarksError):
                print(f"landmarks: {step.request.title}: {run}", file=sys.stderr, flush=True)
            progress.ended(step)
    return late, busy


def comparable(outcome: Outcome, committed: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a claim was run here, and before."""
    before, now = committed.get(outcome.claim.id), outcome.verdict
    return before is not None and now.counts and replace(now, word=before["word"]).counts


def worse(outcome: Outcome, committed: Mapping[str, Mapping[str, Any]]) -> str:
    """A sentence where a claim comes out worse than committed; "" where it does not, or was not run."""
    if not comparable(outcome, committed):
        return ""
    before, now = committed[outcome.claim.id], outcome.verdict
    if outcome.rank >= replace(outcome, verdict=replace(now, word=before["word"])).rank:
        return ""
    return f"{outcome.milestone}.{outcome.claim.id} was {before['word']} and is {now.word}: {now.sentence}"


# What is said


def _announce(taken: Sequence[Asked], steps: Mapping[str, Step], plan: Plan, dirty: bool | None, terms: Terms) -> None:
    """The plan: for each claim its runs, how many stand, how many are still to make, and how long that should take."""
    rows, before = [], set[str]()
    for each in taken:
        keys = each.keys(plan)
        new = [steps[key] for key in keys if key in steps and key not in before]
        before |= keys.keys()
        stand, diverged = (sum(key in found for key in keys) for found in (plan.found, plan.diverged))
        standing = f"{stand + diverged}" + f", {diverged} diverged" * bool(diverged)
        rows.append((each.name, str(len(keys)), standing, str(len(new)), _sum(new)))
    if rows:
        print_table(("claim", "runs", "standing", "to make", "time"), rows)
    if not steps:
        print("nothing to make", flush=True)
        return
    devices = {in_words.DEVICES.get(step.kind, step.kind) for step in steps.values()}
    how = f", {terms.jobs} at once" if terms.jobs > 1 else f", by {terms.launcher[0]}" if terms.launcher else ""
    print(f"{count(len(steps))} to make, {_sum([*steps.values()])} on {' and '.join(devices)}{how}", flush=True)
    if dirty is not False:
        print("the code has changes that no commit holds, so these runs will not be judged", flush=True)


def _sum(steps: Sequence[Step]) -> str:
    """How long some runs should take, one after the other."""
    unknown = sum(step.request.seconds is None for step in steps)
    known = about(sum(step.request.seconds or 0.0 for step in steps))
    if not steps:
        return "–"
    return known if not unknown else "not known" if unknown == len(steps) else f"{known} without {unknown} not known"


def _some(names: Sequence[str]) -> str:
    """The names, or of more than three the first with how many there are besides."""
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"


def tell(done: Reproduction, quiet: bool) -> None:
    """The verdicts, their totals, and what was left out; with `quiet` a line for each verdict."""
    if not quiet:
        rows = [
            (
                f"{each.milestone}.{each.claim.id}",
                in_words.verdict(each),
                in_words.ours(each.claim, each.verdict),
                str(each.verdict.n or ""),
                in_words.paper(each.claim),
            )
            for each in done.outcomes
            if each.verdict.n or len(done.outcomes) <= FEW
        ]
        if rows:
            print_table(("claim", "verdict", "ours", "n", "paper"), rows)
    for each in done.outcomes if quiet or len(done.outcomes) <= FEW else ():
        print(f"{each.milestone}.{each.verdict}")
    if not quiet:
        totals = Counter(each.verdict.word for each in done.outcomes)
        print(", ".join(f"{n} {word}" for word, n in totals.items()))
        named = [each for each in done.asked if each.why and (not each.barred or each.word == each.name)]
        if out := [*done.left, *named]:
            print(f"left out: {len(out)} claim{'s' * (len(out) > 1)}")
            reasons: dict[str, list[str]] = {}
            for asked in out:
                reasons.setdefault(asked.why, []).append(asked.name)
            print_table(("claim", "why"), [(_some(names), why) for why, names in reasons.items()])
    for said in done.worse:
        print(f"worse than committed: {said}")
    if done.compared is not None and not done.worse and not quiet:
        print(f"{done.compared} claim{'s' * (done.compared != 1)} compared with what is committed, none is worse")
