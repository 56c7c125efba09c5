"""`landmarks timeline`: the same digits through the milestones, each by its own day's rule, on the one loop.

A milestone takes part by its card's `station`: a new chapter that has one adds itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmarks import assemble, catalog, demonstrations, making, plots, rules
from landmarks.claims import Station
from landmarks.errors import writing
from landmarks.plan import Plan, Request
from landmarks.results import Run, pictures
from landmarks.words import lined_up

SEEDS = (0, 1, 2)
METRIC = "test/error"
GROUNDS = {"light": "", "dark": "_dark"}
"""The backgrounds that the picture is drawn for, and what the file's name ends in."""
UNKNOWN = "–"
ANY_DIGITS = "other digits would move 2 % by 0.9"
"""What a thousand digits leave open: 1.96 √(0.02 × 0.98 / 1,000)."""


@dataclass(frozen=True)
class Stop:
    """A milestone on the digits: its run of each seed, its trainable parameters, the multiply-adds to read a digit
    in all its views."""

    name: str
    year: int
    station: Station
    runs: tuple[Run, ...]
    parameters: int
    multiply_adds: int

    @property
    def errors(self) -> tuple[float, ...]:
        """The share of the test digits that is misread, of each seed."""
        return tuple(run.metrics[METRIC] for run in self.runs)

    @property
    def error(self) -> float:
        """Their mean."""
        return float(np.mean(self.errors))

    @property
    def seconds(self) -> float:
        """What a run took of a CPU core, in the mean."""
        return float(np.mean([run.cpu_seconds for run in self.runs]))

    @property
    def spent(self) -> str:
        """That, as it is printed."""
        return f"{self.seconds:.0f} s" if self.seconds >= 2 else f"{self.seconds:.1f} s"


@dataclass(frozen=True)
class Timeline:
    """The milestones that take part, in the order of their years; `files` are the pictures, for a light ground and a
    dark one."""

    stops: tuple[Stop, ...]
    files: dict[str, Path]

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows of the table."""
        head = ["year", "model", "its rule", "parameters", "test error", "machine then", "it took", "now, one core",
                "multiply-adds a digit"]  # fmt: skip
        return head, [_row(stop) for stop in self.stops]

    @property
    def notes(self) -> list[str]:
        """What a reader of the table must know."""
        stations = [stop.station for stop in self.stops]
        return [
            f"test error: mean and 95 % interval over {len(SEEDS)} seeds, on the same 1,000 digits; {ANY_DIGITS}",
            "now: CPU seconds to learn, of what stands for the paper's network; then: of that, on its own data:",
            *[f"  {each.label}: {each.network}" + _source(each) for each in stations],
        ]

    @property
    def networks(self) -> str:
        """Which network stands for each paper's own."""
        return "; ".join(f"{stop.year}: {stop.station.network}" for stop in self.stops)

    def __str__(self) -> str:
        return "\n".join([*lined_up(*self.rows()), *self.notes, *map(str, self.files.values())])

    def _repr_html_(self) -> str:
        """In a notebook: the picture and the table."""
        return pictures({"timeline": self.files["light"]}) + f"<pre>{self}</pre>"


def _row(stop: Stop) -> list[str]:
    station = stop.station
    half = float(rules.student(np.array(stop.errors)))
    error = f"{100 * stop.error:.1f}" + ("" if math.isnan(half) else f" ± {100 * half:.1f}") + " %"
    counts = f"{stop.parameters:,}", error
    then = station.machine or UNKNOWN, station.took or UNKNOWN
    return [str(stop.year), station.label, station.rule, *counts, *then, stop.spent,
            f"{stop.multiply_adds:,}"]  # fmt: skip


def _source(station: Station) -> str:
    """Where what it took then is from."""
    known = f"; then: {station.where}" * bool(station.where)
    return known + f" ({station.source})" * (station.source != "seen")


def stations() -> dict[str, Station]:
    """Those that take part, by the names of their milestones, in the order of the catalogue."""
    cards = {name: catalog.milestone_class(name).card for name in catalog.CATALOG}
    return {name: card.station for name, card in cards.items() if card.station}


def timeline(root: str, output: Path | None = None, jobs: int | None = None, quiet: bool = False) -> Timeline:
    """Make the runs of all stations, each once, and draw what came out into `output`, and beside it for a dark ground.

    By default into `root`. Raises UsageError for a file of another kind, LandmarksError where a run fails or the
    pictures cannot be written, Interrupted on Ctrl-C, after saving.
    """
    output = output or Path(root) / "timeline.png"
    plots.check_ending(output, "picture")
    taking_part = stations()
    requests = {
        name: [Request(name, s.overrides, f"{s.label}, seed {seed}", s.seconds, seed) for seed in SEEDS]
        for name, s in taking_part.items()
    }
    longest_first = sorted(requests, key=lambda name: -taking_part[name].seconds)
    plan = Plan([request for name in longest_first for request in requests[name]], root)
    making.complete(plan, quiet, jobs or making.at_once(plan))
    stops = sorted((_stop(name, taking_part[name], plan, requests[name]) for name in requests), key=lambda s: s.year)
    found = Timeline(tuple(stops), {g: output.with_stem(output.stem + end) for g, end in GROUNDS.items()})
    for ground, file in found.files.items():
        with writing(file, "choose another with -o FILE"):
            demonstrations.draw(f"landmarks.figures.timeline:{ground}", found, file)
    return found


def _stop(name: str, station: Station, plan: Plan, requests: list[Request]) -> Stop:
    layers = assemble.make(plan.steps[plan.keys[requests[0]]].composed).layers()
    return Stop(
        name,
        int(catalog.find(name).year),
        station,
        tuple(Run(plan.folder(request)) for request in requests),
        sum(layer.parameters for layer in layers),
        station.views * sum(layer.multiply_adds or 0 for layer in layers),
    )
