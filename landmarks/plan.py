"""Which runs are needed, which of them stand, and which are still to be made: each configuration once.

No data are loaded to plan, as a run that stands has the checksum of its own. Only what can change under a configuration
is: files of one's own, and those that nobody checks (data.verify=false).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

from landmarks import assemble, catalog, config, data, loop, runs, weights
from landmarks import device as devices
from landmarks.errors import LandmarksError, NotFinite
from landmarks.settings import DataSettings, Settings

LEAN = ("figures=false", "histograms=false")
"""Of a run that is made for its numbers; a run with pictures is as good."""
EVERY = {each.name for each in fields(Settings)}
"""The keys that each run's configuration has; `scale` is its last one, so that one which was cut short lacks some."""
RANKS = {"finished": 3, "running": 2, "diverged": 1}
"""Which of several runs that are the same stands for them."""


@dataclass(frozen=True)
class Request:
    """A run that somebody needs: milestone and overrides, what it is called, and the seconds that it should take.

    None are seconds that nobody has measured. `seed` stands on top of the overrides, where there is one: requests that
    differ in nothing else compose once.
    """

    milestone: str
    overrides: tuple[str, ...]
    title: str = ""
    seconds: float | None = 0.0
    seed: int | None = None


@dataclass(frozen=True)
class Step:
    """A request as composed, on a kind of device, with today's revisions, from the weights of a digest (""; none)."""

    request: Request
    composed: config.Composed
    kind: str
    revisions: tuple[int, int]
    begun: str
    data: DataSettings
    own: str | None
    """The checksum of what may change under its configuration, as it is now; None where nothing may."""

    def fingerprint(self, checksum: str) -> str:
        """What the run has on data of this checksum."""
        return runs.fingerprint(self.composed.tree, checksum + self.begun, self.kind, self.revisions)

    @property
    def key(self) -> str:
        """What it shares with a step that is the same run: its fingerprint, whatever the data come to."""
        return self.fingerprint(self.own or "")

    @property
    def root(self) -> str:
        return str(self.composed.tree["runs"])


class Stands(NamedTuple):
    """A run below a folder: its status (diverged, where it failed so), and whether its data were checked."""

    status: str
    folder: Path
    verified: bool


class Standing:
    """The runs of some milestones below a folder, by their fingerprints; of `clean` code alone where that is asked.

    `damaged` are those that cannot be read, and stand for nothing.
    """

    def __init__(self, root: str, milestones: Iterable[str], clean: bool = False) -> None:
        self.checksums: dict[tuple[str, int], set[str]] = {}
        self.runs: dict[str, list[Stands]] = {}
        self.damaged: list[Path] = []
        for name in milestones:
            for folder in sorted(filter(runs.is_run, (Path(root) / name).glob("*"))):
                try:
                    self._add(name, folder, clean)
                except (OSError, ValueError, KeyError, TypeError, AttributeError):
                    self.damaged.append(folder)

    def _add(self, name: str, folder: Path, clean: bool) -> None:
        """Take a run into account. Raises one of many errors where its files are not what a run writes."""
        environment, found = json.loads((folder / "environment.json").read_text()), runs.summary(folder)
        seed, verified = _drawn((folder / "config.yaml").read_text())
        code, checksum = runs.states_of_code(environment), environment["data"]
        fingerprint = found.get("fingerprint", environment.get("fingerprint"))
        if fingerprint and not (clean and any(part.get("dirty") is not False for part in code)):
            diverged = found["status"] == "failed" and found.get("diverged")
            self.checksums.setdefault((name, seed), set()).add(checksum)
            stands = Stands("diverged" if diverged else found["status"], folder, verified)
            self.runs.setdefault(fingerprint, []).append(stands)

    def of(self, step: Step) -> Stands | None:
        """The run that is a step: one that is finished, else at work, else diverged, else the newest stopped."""
        place = (step.request.milestone, step.composed.tree["seed"])
        checksums = self.checksums.get(place, set()) if step.own is None else {step.own}
        there = [run for each in checksums for run in self.runs.get(step.fingerprint(each), [])]
        if step.own is None and step.data.verify:  # whatever files are called so would do
            there = [run for run in there if run.verified]
        return max(there, key=lambda run: (RANKS.get(run.status, 0), run.folder.name), default=None)


def _drawn(text: str) -> tuple[int, bool]:
    """`seed` and `data.verify` of a stored configuration, in a hundredth of YAML's time. Raises ValueError for less."""
    seed = re.search(r"^seed: (\d+)$", text, re.MULTILINE)
    verify = re.search(r"^data:\n(?: .*\n)*?  verify: (true|false)$", text, re.MULTILINE)
    if seed is None or verify is None or EVERY - {*re.findall(r"^(\w+):", text, re.MULTILINE)}:
        raise ValueError("cut short")
    return int(seed[1]), verify[1] == "true"


class Plan:
    """The steps of some requests, each run once, and the runs below `root` that already stand: finished, or diverged.

    Says which runs are damaged. Raises UsageError for a request that does not compose.
    """

    def __init__(self, requests: Iterable[Request], root: str, clean: bool = False) -> None:
        self.root, self.clean = root, clean
        self.arms: dict[tuple[str, tuple[str, ...]], Step] = {}
        self.keys: dict[Request, str] = {}
        self.steps: dict[str, Step] = {}
        for request in requests:
            found = self._step(request)
            self.keys[request] = found.key
            self.steps.setdefault(found.key, found)
        standing = Standing(root, {request.milestone for request in self.keys}, clean)
        stand = {key: run for key, found in self.steps.items() if (run := standing.of(found))}
        self.found = {key: run.folder for key, run in stand.items() if run.status == "finished"}
        self.diverged = {key: run.folder for key, run in stand.items() if run.status == "diverged"}
        for folder in standing.damaged:
            runs.leave_out(folder)

    @property
    def missing(self) -> list[Step]:
        return [step for key, step in self.steps.items() if key not in self.found and key not in self.diverged]

    @property
    def seconds(self) -> float:
        """What the missing runs should take, one after the other."""
        return sum(step.request.seconds or 0.0 for step in self.missing)

    def folder(self, request: Request) -> Path:
        """The run that answers a request. Raises KeyError before it was made, NotFinite where it has diverged."""
        if folder := self.diverged.get(self.keys[request]):
            raise diverged(folder)
        return self.found[self.keys[request]]

    def _step(self, request: Request) -> Step:
        place = request.milestone, request.overrides
        if place not in self.arms:
            words = (*request.overrides, *LEAN, f"runs={self.root}")
            self.arms[place] = step(request, config.Composed(config.tree(request.milestone, words), words))
        arm = self.arms[place]
        if request.seed is None:
            return arm
        tree = arm.composed.tree | {"seed": request.seed}
        seeded = config.Composed(tree, (*arm.composed.overrides, f"seed={request.seed}"))
        return replace(arm, request=request, composed=seeded)


def diverged(folder: Path) -> NotFinite:
    return NotFinite(f"{folder}: this run has diverged: a value was no longer finite; delete it to make it anew")


def step(request: Request, composed: config.Composed) -> Step:
    """What a request comes to here and now."""
    settings = assemble.complete(composed)
    revisions = catalog.milestone_class(request.milestone).revision, loop.REVISION
    begun = weights.digest(weights.located(settings.init, settings.runs)) if settings.init is not None else ""
    own = _own(settings.data) if _may_change(settings.data) else None
    kind = devices.resolve(settings.device).type
    return Step(request, composed, kind, revisions, begun, settings.data, own)


def _own(settings: DataSettings) -> str:
    """The checksum of files of one's own; "" where they cannot be read, so that nothing stands."""
    try:
        return data.load(settings).checksum
    except LandmarksError:
        return ""


def _may_change(settings: DataSettings) -> bool:
    """Whether other patterns may come under the same configuration: files of one's own, or such as nobody checks."""
    source = data.SOURCES.get(settings.name)
    return source is None or source.own or (source.filed and not settings.verify)
