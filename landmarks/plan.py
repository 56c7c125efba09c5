"""Which runs are needed, which of them stand, and which are still to be made: each configuration once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from landmarks import assemble, config, data, execute, runs

LEAN = ("figures=false", "histograms=false")
"""Of a run that is made for its numbers; a run with pictures is as good."""


@dataclass(frozen=True)
class Request:
    """A run that somebody needs: milestone and overrides, what it is called, and the seconds that it should take."""

    milestone: str
    overrides: tuple[str, ...]
    title: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Step:
    """A request as composed, and its fingerprint."""

    request: Request
    composed: config.Composed
    fingerprint: str


class Plan:
    """The steps of some requests, each fingerprint once, and the finished runs below `root` that already stand.

    An interrupted run is gone on with. Raises UsageError for a request that does not compose.
    """

    def __init__(self, requests: Iterable[Request], root: str) -> None:
        checksums: dict[object, str] = {}
        self.fingerprints: dict[Request, str] = {}
        self.steps: dict[str, Step] = {}
        for request in requests:
            step = _step(request, root, checksums)
            self.fingerprints[request] = step.fingerprint
            self.steps.setdefault(step.fingerprint, step)
        stand = standing(root, {request.milestone for request in self.fingerprints})
        self.found, self.interrupted = stand["finished"], stand["interrupted"]

    @property
    def missing(self) -> list[Step]:
        return [step for fingerprint, step in self.steps.items() if fingerprint not in self.found]

    @property
    def seconds(self) -> float:
        """What the missing runs should take, one after the other."""
        return sum(step.request.seconds for step in self.missing)

    def make(self, before: Callable[[Step], None], after: Callable[[Step], None]) -> None:
        """Make the missing runs one by one; `before` and `after` hear of each. Raises what a run raises."""
        for step in self.missing:
            before(step)
            folder = self.interrupted.get(step.fingerprint)
            made = execute.resume(folder, quiet=True) if folder else execute.start(step.composed, quiet=True)
            self.found[step.fingerprint] = made
            after(step)

    def folder(self, request: Request) -> Path:
        """The run that answers a request. Raises KeyError before it was made."""
        return self.found[self.fingerprints[request]]


def standing(root: str, milestones: Iterable[str]) -> dict[str, dict[str, Path]]:
    """`finished` and `interrupted`: fingerprint → the newest such run below `root` of these milestones."""
    found: dict[str, dict[str, Path]] = {"finished": {}, "interrupted": {}}
    for folder in runs.all_runs(root):
        if folder.parent.name in milestones:
            summary = runs.summary(folder)
            if summary["status"] in found and "fingerprint" in summary:
                found[summary["status"]][summary["fingerprint"]] = folder
    return found


def _step(request: Request, root: str, checksums: dict[object, str]) -> Step:
    composed = config.compose(request.milestone, [*request.overrides, *LEAN, f"runs={root}"])
    return Step(request, composed, fingerprint(composed, checksums))


def fingerprint(composed: config.Composed, checksums: dict[object, str]) -> str:
    """The fingerprint that a run of this configuration would have here and now; `checksums` keeps those of the data."""
    settings = assemble.complete(composed)
    source = data.SOURCES.get(settings.data.name)
    draws = data.Draws.of(settings) if source is not None and source.drawn else data.FIRST
    key = settings.data, draws
    if key not in checksums:
        checksums[key] = data.load(settings.data, draws).checksum
    return execute.fingerprint(composed, settings, checksums[key])
