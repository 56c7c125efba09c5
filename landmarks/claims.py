"""What a milestone says of its paper, as data: claims, demonstrations, readings of what it leaves open, departures."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Source = Literal["seen", "secondary", "derived", "recalled"]
Better = Literal["low", "high"]


@dataclass(frozen=True)
class Claim:
    """A published statement, the metric of ours that speaks to it, and what its verdict needs.

    `published` is in the metric's own unit (errors are fractions); `unit` says how it is printed; `digit` is the last
    printed digit in the metric's unit (0.0001 for 0.95 %; 0 where the number is exact). A contrast's number is by how
    much the first arm is ahead, 0 where the paper says no more than that it is.
    `source`: the number was `seen` in the paper, taken from a `secondary` source, is `derived` by proof or enumeration
    where the paper prints none, or is `recalled` and never judged.
    `kind` chooses the rule of `landmarks/rules.py`. `runs_behind` is how many runs the paper averaged (unknown: 1),
    `spread` its standard deviation over what `spread_over` says, `counts` (solved, tried) of a share.
    `data` names the sets on which a result of ours may be judged; () is any, for what is generated.
    `overrides` are those of the runs that speak to it, `against` those of a contrast's other arm, at `scale`, over
    `seeds` independent seeds; `cost` is the seconds of one run by kind of device, measured or as the card says
    estimated, of a contrast the arms' mean. `rivals` are the numbers that the paper claims to beat. An exact `bound` is
    kept by whatever lies on its better side.
    `at` is the epoch after which the metric counts, where that is not the run's end. `readings` are other declared
    answers to what the paper leaves open, each as overrides on top; what stands in `overrides` is the first reading.
    `drawn` is false where no seed changes anything, so that one run says all there is to say.
    """

    id: str
    says: str
    metric: str
    published: float
    where: str
    source: Source
    unit: Literal["%", "sweeps", "sequences", "nats", "count"] = "%"
    better: Better = "low"
    kind: Literal["exact", "value", "best", "time", "share", "contrast", "ratio"] = "value"
    digit: float = 0.0
    runs_behind: int = 1
    spread: float | None = None
    spread_over: Literal["runs", "examples"] | None = None
    counts: tuple[int, int] | None = None
    data: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    scale: Literal["quick", "paper"] = "paper"
    seeds: int = 5
    cost: Mapping[str, float] = field(default_factory=dict)
    rivals: tuple[float, ...] = ()
    bound: bool = False
    at: int | None = None
    readings: tuple[tuple[str, ...], ...] = ()
    drawn: bool = True

    @property
    def digest(self) -> str:
        """A hash of all that fixes its verdict: everything but words and costs."""
        left_out = ("says", "where", "cost", *["drawn"] * self.drawn)
        fixed = {name: value for name, value in vars(self).items() if name not in left_out}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def built(self) -> bool:
        """Whether there are runs that measure it: its metric is then one of a split."""
        return self.metric.partition("/")[0] in ("train", "train_set", "valid", "test")

    @property
    def judgeable(self) -> bool:
        """Whether its rule judges it as soon as there are runs."""
        return self.built and self.source != "recalled"

    @property
    def two_arms(self) -> bool:
        """Whether it compares two arms of ours."""
        return self.kind in ("contrast", "ratio")

    @property
    def arms(self) -> tuple[tuple[str, ...], ...]:
        """The overrides of each arm."""
        return self.arms_under(())

    def arms_under(self, reading: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """The overrides of each arm under a reading."""
        arms = (self.overrides, self.against) if self.two_arms else (self.overrides,)
        return tuple((*arm, *reading) for arm in arms)

    def typed(self, arm: tuple[str, ...]) -> tuple[str, ...]:
        """What is typed for the runs of an arm, its scale among the overrides where that is not the usual one."""
        return arm if self.scale == "quick" else (f"scale={self.scale}", *arm)

    def format(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.2f} %"
        return f"{value:,.0f}" if self.unit == "count" else f"{value:,.0f} {self.unit}"

    @property
    def line(self) -> str:
        """The published number as a picture names it, with the data that it belongs to."""
        return f"paper {self.printed}" + (f" on {' or '.join(self.data)}" if self.data else "")

    def amount(self, value: float, digits: int = 4) -> str:
        """A value, or a difference of two, in the unit of print, with so many significant digits or all before a point.

        `printed` rounds to the paper's decimals instead.
        """
        shown = 100 * value if self.unit == "%" else value
        unit = "" if self.unit == "count" else f" {self.unit}"
        return f"{shown:,.0f}{unit}" if abs(shown) >= 10**digits else f"{shown:,.{digits}g}{unit}"

    @property
    def printed(self) -> str:
        """The published number with the paper's own digits; of a ratio how many times, of a contrast the lead."""
        if self.kind == "ratio":
            return f"{self.published:g} times" if self.published else "no number"
        if self.kind == "contrast" or not self.digit:
            return self.amount(self.published) if self.published or self.kind != "contrast" else "no number"
        step = self.digit * (100 if self.unit == "%" else 1)
        decimals, unit = max(0, math.ceil(-math.log10(step) - 1e-9)), "" if self.unit == "count" else f" {self.unit}"
        return f"{100 * self.published if self.unit == '%' else self.published:,.{decimals}f}{unit}"


@dataclass(frozen=True)
class Arm:
    """One side of a demonstration: a configuration, run once for each seed. `seconds` of one run on one CPU core.

    `idea`: whether the paper's idea is in it, to be switched off there.
    """

    name: str
    overrides: tuple[str, ...]
    seconds: float
    idea: bool = True


@dataclass(frozen=True)
class Equal:
    """`metric` is exactly `value` in every run of `arm`."""

    says: str
    arm: str
    metric: str
    value: float


@dataclass(frozen=True)
class Within:
    """`metric` lies between `low` and `high`, both included, in every run of `arm`."""

    says: str
    arm: str
    metric: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Gap:
    """`arm` beats `over` in `metric`, in the mean over pairs of equal seed, by `least` and by two standard errors.

    With `beyond` the measure is `metric` − `beyond`: what is lost from one condition to the other.
    """

    says: str
    arm: str
    over: str
    metric: str
    least: float
    better: Better = "low"
    beyond: str | None = None


@dataclass(frozen=True)
class Demonstration:
    """The point of a paper in a minute: the runs of its arms, and the findings that all must hold to say `shown`.

    `off` are the overrides that switch the idea off in every arm that has it; it must then come out `not shown`.
    `picture` is the place, `module:function`, of what draws the contrast out of {arm: [runs]}.
    """

    point: str
    arms: tuple[Arm, ...]
    findings: tuple[Equal | Within | Gap, ...]
    picture: str
    off: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Study:
    """Configurations in a row, each with one switch more than the one before: what does each switch do?

    `name` is that of the experiment that all of them share. The overrides of a rung stand on top of all those before;
    it is run once for each seed. `metric` is one of data held out, never of the test set. `notes` are what a reader of
    the outcome must know of how it was set up. `picture` is the place, `module:function`, of what draws the
    `landmarks.studies.Studied`.
    """

    name: str
    says: str
    rungs: tuple[Arm, ...]
    seeds: tuple[int, ...]
    metric: str
    picture: str
    notes: tuple[str, ...] = ()

    def overrides(self, rung: int) -> tuple[str, ...]:
        """Those of a rung with all before it; of two of one key the later one."""
        words = [word for arm in self.rungs[: rung + 1] for word in arm.overrides]
        return tuple({word.partition("=")[0]: word for word in words}.values())


@dataclass(frozen=True)
class Station:
    """A milestone's place on `landmarks timeline`: its network, by its own day's rule, on the digits of all others.

    `overrides` are those of its run on them, `seconds` of one on one CPU core; `label` is what its network is called
    there, `rule` how it learns, `network` which one stands for its paper's own. `views` are how often it looks at a
    digit to read it. `machine` and `took` say on what, and for how long, its paper's own network learned ("" where that
    is not known), by `where` they are from; `source` as in a claim.
    """

    label: str
    rule: str
    network: str
    overrides: tuple[str, ...]
    seconds: float
    views: int = 1
    machine: str = ""
    took: str = ""
    where: str = ""
    source: Source = "seen"


@dataclass(frozen=True)
class Reading:
    """A point that the paper leaves open: the configuration key that decides it, what was chosen, and the evidence."""

    key: str
    question: str
    options: tuple[str, ...]
    evidence: str


@dataclass(frozen=True)
class Departure:
    """A place where a run differs from the paper. `applies` answers for a run's typed configuration."""

    id: str
    paper: str
    ours: str
    why: str
    applies: Callable[[Any], bool] = lambda config: True
