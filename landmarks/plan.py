"""Which runs are needed, which of them stand, and which are still to be made: each configuration once.

No data are loaded to plan: a run that stands has the checksum of its own, and nothing but files of one's own can change
under a configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from landmarks import assemble, catalog, config, data, loop, runs, weights
from landmarks import device as devices
from landmarks.errors import LandmarksError
from landmarks.settings import DataSettings

LEAN = ("figures=false", "histograms=false")
"""Of a run that is made for its numbers; a run with pictures is as good."""


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
    """The checksum of files of one's own, as they are now."""

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


class Standing:
    """The runs of some milestones below a folder, by their fingerprints; of `clean` code alone where that is asked."""

    def __init__(self, root: str, milestones: Iterable[str], clean: bool = False) -> None:
        self.checksums: dict[tuple[str, int], set[str]] = {}
        self.folders: dict[str, list[tuple[str, Path]]] = {}
        for name in milestones:
            for folder in filter(runs.is_run, (Path(root) / name).glob("*")):
                self._add(name, folder, clean)

    def _add(self, name: str, folder: Path, clean: bool) -> None:
        environment, found = json.loads((folder / "environment.json").read_text()), runs.summary(folder)
        code = [environment, *environment.get("resumed", [])]
        fingerprint = found.get("fingerprint", environment.get("fingerprint"))
        seed = re.search(r"^seed: (\d+)$", (folder / "config.yaml").read_text(), re.MULTILINE)
        if fingerprint and seed and not (clean and any(part.get("dirty") is not False for part in code)):
            self.checksums.setdefault((name, int(seed[1])), set()).add(environment["data"])
            self.folders.setdefault(fingerprint, []).append((found["status"], folder))

    def of(self, step: Step) -> tuple[str, Path] | None:
        """Status and folder of the run that is a step: one that is finished, else at work, else the newest stopped."""
        place = (step.request.milestone, step.composed.tree["seed"])
        checksums = self.checksums.get(place, set()) if step.own is None else {step.own}
        there = [run for each in checksums for run in self.folders.get(step.fingerprint(each), [])]
        rank = {"finished": 2, "running": 1}
        return max(there, key=lambda run: (rank.get(run[0], 0), run[1].name), default=None)


class Plan:
    """The steps of some requests, each run once, and the finished runs below `root` that already stand.

    Raises UsageError for a request that does not compose.
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
        stand = {key: standing.of(found) for key, found in self.steps.items()}
        self.found = {key: run[1] for key, run in stand.items() if run and run[0] == "finished"}

    @property
    def missing(self) -> list[Step]:
        return [step for key, step in self.steps.items() if key not in self.found]

    @property
    def seconds(self) -> float:
        """What the missing runs should take, one after the other."""
        return sum(step.request.seconds or 0.0 for step in self.missing)

    def folder(self, request: Request) -> Path:
        """The run that answers a request. Raises KeyError before it was made."""
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
