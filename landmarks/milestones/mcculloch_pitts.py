"""Nets of all-or-none neurons (McCulloch, Pitts 1943): what a net fires is what a sentence of logic says.

What was new: a neuron is read as a proposition, a net without circles as a temporal propositional expression, and every
such expression has its net. Nothing is learned here; nothing is real-valued. Page numbers are those of the reprint,
Bulletin of Mathematical Biology 52, 99–115 (1990).

Reached here: all nine nets of Figure 1 do what their formulas say, in every history of six steps; one cell computes 7
of the 16 functions of two inputs, XOR never, and three cells do.

Shapes: x (B, T, inputs), an activity (B, T, receptors and cells), both of 0 and 1; time in synaptic delays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from torch import Tensor, nn

from landmarks.cards.mcculloch_pitts import CARD, CLAIMS, conclude
from landmarks.claims import Claim
from landmarks.data.histories import HistorySettings, chosen, whole
from landmarks.errors import UsageError
from landmarks.milestone import Data, Layer, Milestone, Scalars, Split
from landmarks.parts import temporal
from landmarks.parts.temporal import And, Expression, Fired, Not, Or, parse
from landmarks.parts.wiring import Cell, Inhibition, Net, Output, absolutely, draw_cell, draw_net
from landmarks.randomness import stream
from landmarks.settings import NOT_NEGATIVE, POSITIVE, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Model:
    inhibition: Inhibition
    threshold: Literal["reached", "exceeded"]


@dataclass(frozen=True, kw_only=True)
class Theorems:
    """How many random cases, and how large."""

    expressions: Annotated[int, POSITIVE]
    depth: Annotated[int, NOT_NEGATIVE]
    reach: Annotated[int, NOT_NEGATIVE]
    nets: Annotated[int, POSITIVE]
    units: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class McCullochPittsConfig(Settings):
    precision: Literal["fp32", "tf32"]
    epochs: Literal[None]
    steps: Literal[None]
    data: HistorySettings
    task: Literal["figure_1", "heat_cold", "single_unit", "theorems"]
    expression: str | None
    model: Model
    theorems: Theorems


def _net(inputs: str, cells: Iterable[Cell], formulas: Mapping[str, str], inhibition: Inhibition = "absolute") -> Net:
    outputs = tuple(Output(line, parse(formula)) for line, formula in formulas.items())
    return Net(tuple(inputs.split()), tuple(cells), outputs, inhibition)


RELATIVE = Cell("N4", (("N2", 2), ("N3", 2)), ("N1",))
FIGURE_1 = {
    "a": _net("N1", [Cell("N2", (("N1", 2),))], {"N2": "N1(t-1)"}),
    "b": _net("N1 N2", [Cell("N3", (("N1", 2), ("N2", 2)))], {"N3": "N1(t-1) ∨ N2(t-1)"}),
    "c": _net("N1 N2", [Cell("N3", (("N1", 1), ("N2", 1)))], {"N3": "N1(t-1) · N2(t-1)"}),
    "d": _net("N1 N2", [Cell("N3", (("N1", 2),), ("N2",))], {"N3": "N1(t-1) · ~N2(t-1)"}),
    "e": _net(
        "N1 N2",
        [
            Cell("a", (("N2", 2),)),
            Cell("b", (("a", 2),), ("N2",)),
            Cell("N3", (("N1", 2), ("b", 2))),
            Cell("N4", (("N2", 1), ("a", 1))),
        ],
        {"N3": "N1(t-1) ∨ N2(t-3) · ~N2(t-2)", "N4": "N2(t-2) · N2(t-1)"},
    ),
    "f": _net("N1 N2 N3", absolutely(RELATIVE), {"N4": "~N1(t-2) · (N2(t-2) ∨ N3(t-2)) ∨ N1(t-2) · N2(t-2) · N3(t-2)"}),
    "f, relative": _net(
        "N1 N2 N3", [RELATIVE], {"N4": "~N1(t-1) · (N2(t-1) ∨ N3(t-1)) ∨ N1(t-1) · N2(t-1) · N3(t-1)"}, "relative"
    ),
    "g": _net(
        "N1 N2",
        [Cell("a", (("N1", 2),)), Cell("b", (("N2", 2),), ("a",)), Cell("N3", (("b", 2),))],
        {"N3": "N2(t-2) · ~N1(t-3)"},
    ),
    "h": _net("N1", [Cell("a", (("N1", 2),)), Cell("N2", (("N1", 1), ("a", 1)))], {"N2": "N1(t-1) · N1(t-2)"}),
    "i": _net(
        "N1 N2",
        [Cell("a", (("N1", 1), ("N2", 1), ("a", 2))), Cell("N3", (("N2", 2), ("N1", 1), ("a", 1)))],
        {"N3": "N2(t-1) ∨ N1(t-1) · ever(N1 · N2)(t-1)"},
    ),
}
"""Figure 1 (p. 105): wiring and formulas as printed for a to e. For f to i the formulas are, and the wiring is ours."""
XOR = parse("x1 and not x2 or x2 and not x1")
EITHER = {0b0110, 0b1001}
"""XOR and its contrary, numbered as in `computed`."""
RULES: dict[str, tuple[Inhibition, int]] = {
    "absolute": ("absolute", 1),
    "spontaneous": ("absolute", 0),
    "relative": ("relative", -12),
}
"""What a single cell may be: how it is inhibited, and its least threshold (with 0 it fires untouched)."""

PART = 2**14
"""Histories that run at once: more would only take memory."""


def fires(excited: Tensor, inhibited: Tensor, threshold: Tensor, inhibition: Inhibition, exceeded: bool) -> Tensor:
    """Equation 1 (p. 103), broadcast: do so many excitatory endings, and inhibitory ones, fire the cell?

    Absolute: one inhibitory ending forbids it. Relative: each raises the threshold by one (Theorem 4). None: no effect.
    """
    total = excited - inhibited if inhibition == "relative" else excited
    enough = total > threshold if exceeded else total >= threshold
    return enough & (inhibited == 0) if inhibition == "absolute" else enough


class Wired(nn.Module):
    """A net at work, silent before time 0: all histories at once, one synaptic delay a step."""

    endings: Tensor
    inhibitors: Tensor
    thresholds: Tensor

    def __init__(self, net: Net, model: Model) -> None:
        super().__init__()
        self.net = net
        self.inhibition = net.inhibition if model.inhibition == "absolute" else model.inhibition
        self.exceeded = model.threshold == "exceeded"
        place = {line: i for i, line in enumerate(net.lines)}
        endings, inhibitors = torch.zeros(2, len(net.lines), len(net.cells))
        for column, cell in enumerate(net.cells):
            for line, count in cell.endings:
                endings[place[line], column] = count
            for line in cell.inhibitors:
                inhibitors[place[line], column] = 1
        self.register_buffer("endings", endings)
        self.register_buffer("inhibitors", inhibitors)
        self.register_buffer("thresholds", torch.tensor([float(cell.threshold) for cell in net.cells]))

    def forward(self, x: Tensor) -> Tensor:
        """Histories (B, T, inputs) → activity (B, T, inputs + cells), bool."""
        still = x.new_zeros(len(x), len(self.net.cells))
        fired = [torch.cat([x[:, 0], still], 1).to(self.endings)]
        for received in x.to(self.endings).unbind(1)[1:]:
            excited, inhibited = fired[-1] @ self.endings, fired[-1] @ self.inhibitors
            cells = fires(excited, inhibited, self.thresholds, self.inhibition, self.exceeded)
            fired.append(torch.cat([received, cells.to(received)], 1))
        return torch.stack(fired, 1).bool()

    def agreement(self, x: Tensor) -> Tensor:
        """The share of (history, time) in x (B, T, inputs) at which every output fires as its formula says, 0-d."""
        wrong = torch.stack([self._wrong(part) for part in torch.split(x, PART)]).sum()
        return 1 - wrong / x[:, :, 0].numel()

    def _wrong(self, x: Tensor) -> Tensor:
        """How often an output fires, or does not, against its formula."""
        fired = dict(zip(self.net.lines, self(x).unbind(2), strict=True))
        wrong = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        for output in self.net.outputs:
            said = temporal.evaluate(output.formula, fired)
            wrong[:, output.lag :] |= fired[output.line][:, output.lag :] != said[:, : x.shape[1] - output.lag]
        return wrong.sum()


def all_of(x: Tensor, inputs: int) -> Tensor:
    """All histories of so many receptors, out of all histories x (B, T, more) in the order of `whole`."""
    return x[: 2 ** (inputs * x.shape[1]), :, :inputs]


def cold(steps: int) -> Tensor:
    """The history (1, 8, 2) of the heat and the cold receptor in which cold comes at time 0 for so many steps."""
    x = torch.zeros(1, 8, 2, dtype=torch.uint8)
    x[:, :steps, 1] = 1
    return x


@cache
def computed(inputs: int, inhibition: Inhibition, least: int, exceeded: bool) -> frozenset[int]:
    """Every function of `inputs` present inputs that one cell computes; bit k answers the k-th pattern of `whole`.

    Up to `inputs` + 1 endings and as many inhibitory ones from each input, thresholds from `least` up to where nothing
    fires: enough for three inputs, where more endings give no other function.
    """
    patterns = whole(inputs, 1).tensor()[:, 0].float()
    counts = torch.cartesian_prod(*[torch.arange(inputs + 2.0)] * (2 * inputs)).reshape(-1, 2, inputs)
    excited, inhibited = (counts[:, kind] @ patterns.T for kind in (0, 1))
    thresholds = torch.arange(least, inputs * (inputs + 1) + 2.0)[:, None, None]
    answers = fires(excited, inhibited, thresholds, inhibition, exceeded)
    return frozenset((answers * 2 ** torch.arange(len(patterns))).sum(-1).flatten().tolist())


def realise(expression: Expression) -> Net | None:
    """The net of an expression, None where Theorem 3 says that there is none."""
    try:
        return temporal.compile(expression)
    except UsageError:
        return None


def normal_form(table: Sequence[bool], inputs: int) -> Expression:
    """The disjunctive normal form of a function of x1, x2, …, given its answers in the order of `whole`."""
    names: list[Expression] = [Fired(f"x{i + 1}") for i in range(inputs)]
    terms: list[Expression] = [
        reduce(And, [name if row >> i & 1 else Not(name) for i, name in enumerate(names)])
        for row, answer in enumerate(table)
        if answer
    ]
    return reduce(Or, terms) if terms else And(names[0], Not(names[0]))


class McCullochPitts(Milestone):
    """Nets that are compared with what they are said to say; `task`, or an `expression` of one's own, chooses them."""

    Config = McCullochPittsConfig
    card = CARD
    config: McCullochPittsConfig

    def __init__(self, config: McCullochPittsConfig) -> None:
        super().__init__(config)
        if config.expression is not None and config.task != "figure_1":
            raise UsageError(f"expression: one of your own goes without an experiment or task, got task={config.task}")
        if config.data.expression != config.expression:
            raise UsageError(
                f"data.expression must be that of the net, expression={config.expression or 'null'}, got"
                f" {config.data.expression or 'null'}; give expression=… alone"
            )
        histories, nets = chosen(config.data), self.wiring()
        needed = max((len(net.inputs) for net in nets.values()), default=2)
        least = max(temporal.telling(output) for net in nets.values() for output in net.outputs)
        if config.task == "theorems":
            least = max(least, config.theorems.depth + config.theorems.reach + 1)
        if histories.receptors < needed or histories.length < least:
            long = max(histories.length, least)
            raise UsageError(f"data: task={config.task} wants data.receptors={needed} data.length={long}")
        self.wired = nn.ModuleDict({name: Wired(net, config.model) for name, net in nets.items()})

    def wiring(self) -> dict[str, Net]:
        """The nets of this configuration by name; the theorems draw theirs when they are measured."""
        if self.config.expression is not None:
            return {"own": temporal.compile(parse(self.config.expression))}
        heat_cold = {"e": FIGURE_1["e"]}
        three_units = {"xor": temporal.compile(XOR)}
        tasks = {"figure_1": FIGURE_1, "heat_cold": heat_cold, "single_unit": three_units, "theorems": three_units}
        return tasks[self.config.task]

    def at_work(self, net: Net) -> Wired:
        """A net under this configuration's rules, on the CPU."""
        return Wired(net, self.config.model)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The activity of each net in histories x (B, T, inputs)."""
        return {name: wired(x[:, :, : len(wired.net.inputs)]) for name, wired in self.nets()}

    def nets(self) -> list[tuple[str, Wired]]:
        """The nets by name, as they work here."""
        return [(name, wired) for name, wired in self.wired.items() if isinstance(wired, Wired)]

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Over every history of the split; what is measured depends on the task."""
        if self.config.expression is not None:
            return self._own(split.x)
        measures: dict[str, Callable[[Tensor], Scalars]] = {
            "figure_1": self._figure_1,
            "heat_cold": self._heat_cold,
            "single_unit": self._single_unit,
            "theorems": self._theorems,
        }
        return measures[self.config.task](split.x)

    def _figure_1(self, x: Tensor) -> Scalars:
        """The share of (history, time) at which a net agrees with its formula; f is right where both its forms are."""
        shares = {name: wired.agreement(all_of(x, len(wired.net.inputs))) for name, wired in self.nets()}
        shares["f"] = torch.minimum(shares["f"], shares.pop("f, relative"))
        every_share = torch.stack(list(shares.values()))
        found = {"agreement": every_share.mean(), "nets": (every_share == 1).sum()}
        return found | {f"agreement_{name}": share for name, share in shares.items()}

    def _heat_cold(self, x: Tensor) -> Scalars:
        """The step at which heat and cold are first felt after 1, 2, 4 steps of cold from time 0 on; −1 is never."""
        ((_, net),) = self.nets()
        found = {"agreement": net.agreement(all_of(x, len(net.net.inputs)))}
        for steps in (1, 2, 4):
            felt = net(cold(steps).to(x.device))[0]
            for sensation, line in (("heat", "N3"), ("cold", "N4")):
                times = felt[:, net.net.lines.index(line)].nonzero().flatten()
                found[f"{sensation}_after_{steps}"] = times[0] if len(times) else torch.tensor(-1)
        return found

    def _single_unit(self, x: Tensor) -> Scalars:
        """How many functions of 1, 2, 3 inputs one cell computes, under three rules and under this run's own."""
        model = self.config.model
        least = RULES["relative" if model.inhibition == "relative" else "absolute"][1]
        counts = {n: computed(n, model.inhibition, least, model.threshold == "exceeded") for n in (1, 2, 3)}
        found = {f"one_unit_{n}": torch.tensor(len(functions)) for n, functions in counts.items()}
        exclusive = len(counts[2] & EITHER)
        for rule, (inhibition, threshold) in RULES.items():
            known = {n: computed(n, inhibition, threshold, False) for n in (1, 2, 3)}
            found |= {f"one_unit_{rule}_{n}": torch.tensor(len(functions)) for n, functions in known.items()}
            exclusive += len(known[2] & EITHER)
        ((_, net),) = self.nets()
        found["one_unit_xor"] = torch.tensor(exclusive)
        found["three_units_xor"] = (net.agreement(all_of(x, len(net.net.inputs))) == 1).int()
        return found

    def _theorems(self, x: Tensor) -> Scalars:
        """The share of random cases in which each theorem holds; the functions of 1, 2, 3 present inputs with a net.

        Theorem 3 both ways: what is false in silence is made into a net and nothing else, and what nets say is so.
        """
        draw, sizes = stream(self.config.seed, 0, "evaluation"), self.config.theorems
        x, names = all_of(x.cpu(), 2), ("p", "q")
        said = [temporal.draw_expression(draw, names, sizes.depth, sizes.reach) for _ in range(sizes.expressions)]
        made = {expression: realise(expression) for expression in said}
        nets = [draw_net(draw, names, 5) for _ in range(sizes.nets)]
        cases = {
            "theorem_1": [self._solved(net, x) for net in nets],
            "theorem_2": [self._agrees(net, x) for net in made.values() if net],
            "theorem_3": [(net is None) == temporal.holds_in_silence(e) for e, net in made.items()]
            + [not any(map(temporal.holds_in_silence, temporal.solve(net).values())) for net in nets],
            "theorem_4": [self._equivalent(draw_cell(draw, "unit", list("pqrs"), 6)) for _ in range(sizes.units)],
        }
        found = {name: torch.tensor(held).float().mean() for name, held in cases.items() if held}
        return found | {f"functions_{n}": torch.tensor(self._realisable(n)) for n in (1, 2, 3)}

    def _agrees(self, net: Net, x: Tensor) -> bool:
        return bool(self.at_work(net).agreement(all_of(x, len(net.inputs))) == 1)

    def _solved(self, net: Net, x: Tensor) -> bool:
        """Theorem 1: does each cell of a net without circles fire as the expression found for it says?"""
        outputs = tuple(Output(line, formula) for line, formula in temporal.solve(net).items())
        return self._agrees(replace(net, outputs=outputs), x)

    def _equivalent(self, cell: Cell) -> bool:
        """Theorem 4: a cell with relative inhibition, and the net with absolute inhibition that replaces it."""
        inputs = tuple(dict.fromkeys(cell.sources))
        x = whole(len(inputs), 3).tensor()
        one, net = Net(inputs, (cell,), inhibition="relative"), Net(inputs, absolutely(cell))
        relative, absolute = self.at_work(one)(x)[:, :, -1], self.at_work(net)(x)[:, :, -1]
        return bool((relative[:, :-1] == absolute[:, 1:]).all())

    def _realisable(self, inputs: int) -> int:
        """How many of the 2^(2^inputs) functions of present inputs have a net that computes them."""
        found = 0
        for table in itertools.product((False, True), repeat=2**inputs):
            net = realise(normal_form(table, inputs))
            if net:
                output = net.outputs[0]
                x = torch.zeros(2**inputs, output.lag + 1, inputs, dtype=torch.uint8)
                x[:, 0] = whole(inputs, 1).tensor()[:, 0]
                fired = self.at_work(net)(x[:, :, : len(net.inputs)])[:, -1, net.lines.index(output.line)]
                found += fired.tolist() == list(table)
        return found

    def _own(self, x: Tensor) -> Scalars:
        """A net made for an expression of one's own: its cells, its delay, its order, and whether it agrees."""
        ((_, wired),) = self.nets()
        shape = {"cells": len(wired.net.cells), "delay": wired.net.outputs[0].lag, "order": wired.net.order}
        agreement = {"agreement": wired.agreement(all_of(x, len(wired.net.inputs)))}
        return agreement | {name: torch.tensor(value) for name, value in shape.items()}

    def layers(self) -> Sequence[Layer]:
        """The cells of each net: an ending is a connection, and nothing is trained.

        A history of T steps takes T − 1 delays, and in each a product for every line that ends on a cell.
        """
        delays = chosen(self.config.data).length - 1
        return [
            Layer(f"{name}: {cell.name}", f"fires from {cell.threshold}", 0, cell.count, delays * len(cell.sources))
            for name, wired in self.nets()
            for cell in wired.net.cells
        ]

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import mcculloch_pitts as draw

        yield "nets", draw.nets(self)
        yield "raster", draw.raster(self, data.splits["train"].x)
        if self.config.task == "single_unit" and self.config.expression is None:
            found = self.measure(data.splits["train"])
            yield "counts", draw.counts({f"train_set/{name}": float(value) for name, value in found.items()})

    @property
    def claim(self) -> Claim | None:
        """What heads the task; None for an expression of one's own, of which the paper says nothing."""
        heads = {"figure_1": "M1", "heat_cold": "M2a", "single_unit": "M6a", "theorems": "M3b"}
        known = {claim.id: claim for claim in CLAIMS}
        return None if self.config.expression is not None else known[heads[self.config.task]]

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return conclude(self, metrics)
