"""Nets of all-or-none cells as data: who ends on whom, how often, and how many endings fire a cell.

How such nets run is the matter of the milestone; what they say, of `temporal.py` beside this file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from landmarks.parts.temporal import Expression

Inhibition = Literal["absolute", "relative", "none"]


@dataclass(frozen=True)
class Cell:
    """A neuron: excitatory endings on it, as (line, count), inhibitory lines, and the endings that it needs to fire.

    A threshold of 2 makes two endings fire it, as drawn in the paper's Figure 1.
    """

    name: str
    endings: tuple[tuple[str, int], ...]
    inhibitors: tuple[str, ...] = ()
    threshold: int = 2

    @property
    def sources(self) -> tuple[str, ...]:
        return (*(line for line, _ in self.endings), *self.inhibitors)

    @property
    def count(self) -> int:
        """All endings on it."""
        return sum(count for _, count in self.endings) + len(self.inhibitors)


@dataclass(frozen=True)
class Output:
    """A line that speaks: it fires at t as `formula` holds at t − `lag`. In the narrow sense `lag` is 0."""

    line: str
    formula: Expression
    lag: int = 0


@dataclass(frozen=True)
class Net:
    """Receptors, cells, and what the cells are said to say; `inhibition` is how an inhibitory ending works in it."""

    inputs: tuple[str, ...]
    cells: tuple[Cell, ...]
    outputs: tuple[Output, ...] = ()
    inhibition: Inhibition = "absolute"

    @property
    def lines(self) -> tuple[str, ...]:
        """Receptors first, then cells: the order of the last axis of an activity."""
        return (*self.inputs, *(cell.name for cell in self.cells))

    @property
    def order(self) -> int:
        """The smallest number of cells whose removal leaves no circle."""
        lasting = [cell for cell in self.cells if cell.name not in cell.sources]  # the others must go in any case
        names = [cell.name for cell in lasting]
        return (
            len(self.cells)
            - len(lasting)
            + next(
                count
                for count in range(len(names) + 1)
                for removed in itertools.combinations(names, count)
                if _acyclic(cell for cell in lasting if cell.name not in removed)
            )
        )


def _acyclic(cells: Iterable[Cell]) -> bool:
    graph = {cell.name: list(cell.sources) for cell in cells}
    inside = {name: [line for line in sources if line in graph] for name, sources in graph.items()}
    try:
        TopologicalSorter(inside).prepare()
    except CycleError:
        return False
    return True


def heard(net: Net, line: str) -> frozenset[tuple[str, int]]:
    """The receptors that a line of a net without circles hears, each with every delay at which a way leads from it."""
    cells = {cell.name: cell for cell in net.cells}

    @cache
    def ways(at: str) -> frozenset[tuple[str, int]]:
        if at not in cells:
            return frozenset({(at, 0)})
        return frozenset((name, delay + 1) for source in cells[at].sources for name, delay in ways(source))

    return ways(line)


def absolutely(cell: Cell) -> tuple[Cell, ...]:
    """Cells with absolute inhibition that together do what `cell` does with relative, one delay later (Theorem 4).

    For each set S of inhibitory lines one cell that the others stop and that wants as many endings more as S has lines:
    where A is active, those with A within S are left, and S = A wants least. The last cell says whether one fired.
    """
    several = tuple(
        Cell(f"{cell.name}.{number}", cell.endings, others, wanted)
        for number, (wanted, others) in enumerate(_cases(cell), 1)
    )
    return *several, replace(cell, endings=tuple((one.name, 2) for one in several), inhibitors=(), threshold=2)


def _cases(cell: Cell) -> list[tuple[int, tuple[str, ...]]]:
    """For each set of inhibitory lines: the threshold that they make, if it can be reached, and the other lines."""
    return [
        (cell.threshold + size, tuple(line for line in cell.inhibitors if line not in chosen))
        for size in range(len(cell.inhibitors) + 1)
        for chosen in itertools.combinations(cell.inhibitors, size)
        if sum(count for _, count in cell.endings) >= cell.threshold + size
    ]


def draw_net(draw: np.random.Generator, inputs: tuple[str, ...], cells: int) -> Net:
    """A random net without circles: each cell hears receptors and earlier cells, threshold 1 to 3."""
    made: list[Cell] = []
    for number in range(1, cells + 1):
        lines = (*inputs, *(cell.name for cell in made))
        heard = draw.choice(lines, min(3, len(lines)), replace=False)
        made.append(draw_cell(draw, str(number), [str(line) for line in heard], 3))
    return Net(inputs, tuple(made))


def draw_cell(draw: np.random.Generator, name: str, lines: Sequence[str], most: int) -> Cell:
    """A random cell: up to 2 endings from each line, half of the lines with an inhibitory one, threshold up to `most`.

    At least one ending excites.
    """
    counts = draw.integers(0, 3, len(lines))
    counts[draw.integers(len(lines))] = 2
    endings = tuple((line, int(count)) for line, count in zip(lines, counts, strict=True) if count)
    inhibitors = tuple(line for line in lines if draw.random() < 0.5)
    return Cell(name, endings, inhibitors, int(draw.integers(1, most + 1)))
