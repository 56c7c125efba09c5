"""The pictures of wired nets: who ends on whom, what fires when, what one cell can compute."""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landmarks.milestones.mcculloch_pitts import FIGURE_1, McCullochPitts, Wired, all_of, cold
from landmarks.parts.temporal import evaluate
from landmarks.parts.wiring import Cell, Net
from landmarks.plots import ACCENT, BLUE, INK, PALE
from landmarks.randomness import stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from landmarks.results import Run

WIDTH, HEIGHT, COLUMN = 0.62, 0.62, 1.9
"""Of a cell's triangle, and from one column of cells to the next."""
Place = tuple[float, float]
FEW = 12
"""Columns of a net that can be read; in a longer one a chain of delays is drawn as one cell."""
ROWS, STEPS = 24, 16
"""Of a raster that can be read, and steps that each have a number."""


def nets(milestone: McCullochPitts) -> Figure:
    """Every net of a run, its formulas above it, all to one scale."""
    from matplotlib.figure import Figure

    chosen = [(name, condensed(wired.net)) for name, wired in milestone.nets()]
    across = min(len(chosen), 4)
    down = -(-len(chosen) // across)
    columns = [_columns(net) for _, net in chosen]
    longest = max(len(each) for each in columns)
    widest = max(len(column) for each in columns for column in each)
    width, height = min(max(5.2, 0.8 * COLUMN * longest), 40.0), min(max(1.9, 0.6 * widest + 0.6), 40.0)
    if len(chosen) > 1:
        width, height = 3.7, 2.5
    figure = Figure(figsize=(width * across, height * down + 0.4), layout="constrained")
    figure.suptitle("dots excite, rings inhibit; two endings fire a cell unless it has a θ", fontsize=9, color=PALE)
    for number, (name, net) in enumerate(chosen, 1):
        axes = figure.add_subplot(down, across, number)
        draw_net(axes, net)
        if len(chosen) > 1:
            axes.set(xlim=(-0.2, COLUMN * (longest - 1) + 1.0), ylim=(-0.5 * widest - 0.2, 0.5 * widest + 0.2))
        axes.set_title(_title(name, net, int(13 * width)), fontsize=8, loc="left")
    return figure


def condensed(net: Net) -> Net:
    """A net that can be read as it is; in a longer one one cell, named so, for each chain of delays that nothing else
    hears."""
    if len(_columns(net)) <= FEW:
        return net
    heard = Counter(source for cell in net.cells for source in cell.sources)
    chains: dict[str, list[str]] = {}  # last cell → the line that the chain hears, then its cells
    for cell in net.cells:
        if delays(net, cell):
            source = cell.sources[0]
            before = chains.pop(source) if source in chains and heard[source] == 1 else [source]
            chains[cell.name] = [*before, cell.name]
    names = {last: f"{way[1]}…{last}: {len(way) - 1} delays" for last, way in chains.items() if len(way) > 2}
    inner = {line for way in chains.values() for line in way[1:-1]}
    sources = {last: ((chains[last][0], 2),) for last in names}
    cells = [
        replace(cell, endings=sources.get(cell.name, cell.endings)) for cell in net.cells if cell.name not in inner
    ]
    return replace(
        net,
        cells=tuple(
            replace(
                cell,
                name=names.get(cell.name, cell.name),
                endings=tuple((names.get(line, line), count) for line, count in cell.endings),
                inhibitors=tuple(names.get(line, line) for line in cell.inhibitors),
            )
            for cell in cells
        ),
    )


def delays(net: Net, cell: Cell) -> bool:
    """Whether a cell says nothing but what another line said one delay before (Fig. 1a), and is no output."""
    spoken = {output.line for output in net.outputs}
    return cell.endings == ((cell.sources[0], 2),) and cell.count == cell.threshold == 2 and cell.name not in spoken


def _title(name: str, net: Net, signs: int) -> str:
    """The formulas as the paper writes them, in lines that fit; a net of Figure 1 has its letter before them."""
    late = {output.line: f", {output.lag} later" if output.lag else "" for output in net.outputs}
    said = "\n".join(f"{output.line} ≡ {output.formula}{late[output.line]}" for output in net.outputs)
    for word, sign in ((" or ", " ∨ "), (" and ", " · "), ("not ", "~"), ("t-", "t−")):
        said = said.replace(word, sign)
    lines = [part for line in said.split("\n") for part in textwrap.wrap(line, signs)]
    return "\n".join([f"({name})"] * (name in FIGURE_1) + lines[:6])


def draw_net(axes: Axes, net: Net) -> None:
    """Receptors on the left, then the cells, each right of all that end on it; an axon leaves at the tip."""
    places = _places(net)
    spoken = {output.line for output in net.outputs}
    for line in net.lines:
        colour = PALE if line in net.inputs else ACCENT if line in spoken else INK
        _triangle(axes, places[line, _column(places, line)], line, colour, line in net.inputs)
    for cell in net.cells:
        _endings(axes, net, cell, places)
    across, down = zip(*places.values(), strict=True)
    axes.set(xlim=(min(across) - 0.5, max(across) + 1.2), ylim=(min(down) - 0.75, max(down) + 0.85), aspect="equal")
    axes.axis("off")


def _columns(net: Net) -> list[list[str]]:
    """The lines that stand in, or pass through, each column; a cell's column is its longest way from a receptor."""
    depth = dict.fromkeys(net.inputs, 0)
    cells = {cell.name: cell for cell in net.cells}

    def deep(line: str) -> int:
        if line not in depth:
            depth[line] = 1 + max(deep(source) for source in cells[line].sources if source != line)
        return depth[line]

    last = {line: deep(line) for line in net.lines}
    for cell in net.cells:
        for source in cell.sources:
            last[source] = max(last[source], depth[cell.name] - 1)
    return [
        [line for line in net.lines if depth[line] <= column <= last[line]] for column in range(max(depth.values()) + 1)
    ]


def _places(net: Net) -> dict[tuple[str, int], Place]:
    """Where a line is in each column that it stands in or passes; rows follow the mean of what they come from."""
    cells = {cell.name: cell for cell in net.cells}
    places: dict[tuple[str, int], Place] = {}
    for column, lines in enumerate(_columns(net)):
        rows = {}
        for position, line in enumerate(lines):
            sources = [line] if (line, column - 1) in places else _sources(cells.get(line))
            before = [places[source, column - 1][1] for source in sources if (source, column - 1) in places]
            rows[line] = (-float(np.mean(before)) if before else float(position), position)
        for row, line in enumerate(sorted(lines, key=rows.__getitem__)):
            places[line, column] = (COLUMN * column, (len(lines) - 1) / 2 - row)
    return places


def _sources(cell: Cell | None) -> tuple[str, ...]:
    return cell.sources if cell else ()


def _column(places: Mapping[tuple[str, int], Place], line: str) -> int:
    return min(column for name, column in places if name == line)


def _triangle(axes: Axes, place: Place, name: str, colour: str, receptor: bool) -> None:
    from matplotlib.patches import Polygon

    x, y = place
    corners = [(x, y + HEIGHT / 2), (x, y - HEIGHT / 2), (x + WIDTH, y)]
    axes.add_patch(Polygon(corners, facecolor="#eef0f3" if receptor else "white", edgecolor=colour, linewidth=1.4))
    if len(name) <= 3:
        axes.text(x + WIDTH * 0.33, y, name, ha="center", va="center", fontsize=7, color=colour)
    else:
        name_box = {"facecolor": "white", "alpha": 0.85, "pad": 0.5, "linewidth": 0}  # an axon may pass behind it
        axes.text(x, y + HEIGHT / 2 + 0.05, name, ha="left", va="bottom", fontsize=7, color=colour, bbox=name_box)


def _endings(axes: Axes, net: Net, cell: Cell, places: Mapping[tuple[str, int], Place]) -> None:
    """Draw what ends on a cell: one port on its base for each line, in the order in which they come."""
    column = _column(places, cell.name)
    x, y = places[cell.name, column]
    sources = [(line, count, INK) for line, count in cell.endings] + [(line, 0, BLUE) for line in cell.inhibitors]
    loops = [source for source in sources if source[0] == cell.name]
    coming = sorted(
        (source for source in sources if source[0] != cell.name), key=lambda s: -places[s[0], column - 1][1]
    )
    ordered = loops + coming
    for number, (line, count, colour) in enumerate(ordered):
        port = (x, y + HEIGHT * ((len(ordered) - 1) / 2 - number) / max(len(ordered), 2))
        start = _column(places, line)
        way = [(places[line, c][0] + (WIDTH if c == start else 0), places[line, c][1]) for c in range(start, column)]
        end = (port[0] - 0.13 * max(count, 1), port[1])
        if line == cell.name:
            _loop(axes, (x + WIDTH, y), end, colour)
        else:
            _axon(axes, [*way, end], colour)
        _synapse(axes, port, count, colour)
    if cell.threshold != 2:
        axes.text(x + WIDTH * 0.5, y - HEIGHT * 0.5, f"θ = {cell.threshold}", fontsize=6.5, color=PALE, va="top")


def _axon(axes: Axes, way: Sequence[Place], colour: str) -> None:
    """A smooth line through these places, level at each of them."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points, codes = [way[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(way):
        half = (x1 - x0) / 2
        points += [(x0 + half, y0), (x1 - half, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    axes.add_patch(PathPatch(Path(points, codes), facecolor="none", edgecolor=colour, linewidth=1.0))


def _loop(axes: Axes, tip: Place, end: Place, colour: str) -> None:
    """From the tip of a cell over its top back to its base."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    top = tip[1] + 0.75
    points = [tip, (tip[0] + 0.3, tip[1]), (tip[0] + 0.3, top), ((tip[0] + end[0]) / 2, top)]
    points += [(end[0] - 0.3, top), (end[0] - 0.35, end[1]), end]
    path = Path(points, [Path.MOVETO, *[Path.CURVE4] * 6])
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor=colour, linewidth=1.0))


def _synapse(axes: Axes, port: Place, count: int, colour: str) -> None:
    from matplotlib.patches import Circle

    for number in range(max(count, 1)):
        centre = (port[0] - 0.065 - 0.13 * number, port[1])
        face = colour if count else "white"
        axes.add_patch(Circle(centre, 0.065, facecolor=face, edgecolor=colour, linewidth=1.2, zorder=3))


def raster(milestone: McCullochPitts, x: Tensor) -> Figure:
    """What fires when, in telling histories: cold and heat for their net, else the least that fires an output."""
    from matplotlib.figure import Figure

    panels = _panels(milestone, x)
    across = min(len(panels), 4)
    down = -(-len(panels) // across)
    rows = max(len(shown(wired.net)) for _, wired, _ in panels)
    figure = Figure(figsize=(3.1 * across, (0.8 + 0.2 * rows) * down + 0.4), layout="constrained")
    left = max(len(wired.net.lines) - len(shown(wired.net)) for _, wired, _ in panels)
    what = "filled: fires; outlined: fires by the formula"
    if left:
        what += f"\n{left} cell{'s' * (left != 1)} not drawn"
    figure.suptitle(what, fontsize=9, color=PALE)
    for number, (title, wired, history) in enumerate(panels, 1):
        axes = figure.add_subplot(down, across, number)
        draw_raster(axes, wired, history)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_title(title, fontsize=9, loc="left")
    return figure


def _panels(milestone: McCullochPitts, x: Tensor) -> list[tuple[str, Wired, Tensor]]:
    """(title, net, history (1, T, inputs)) for each raster: for Figure 1 a random history, its receptors often on."""
    chosen = milestone.nets()
    if len(chosen) > 1:
        noise = stream(milestone.config.seed, 0, "evaluation").random((1, 14, 3)) < 0.45
        history = torch.from_numpy(noise.astype(np.uint8))
        return [(f"({name})", wired, history[:, :, : len(wired.net.inputs)]) for name, wired in chosen]
    ((_, wired),) = chosen
    if milestone.config.task == "heat_cold" and milestone.config.expression is None:
        stimuli = [(f"{steps} step{'s' * (steps > 1)} of cold", cold(steps)) for steps in (1, 2, 4)]
        return [(title, wired, history) for title, history in [*stimuli, ("1 step of heat", cold(1)[:, :, [1, 0]])]]
    found = least(wired, x, 4)
    return [(f"a least history, {number} of {len(found)}", wired, one) for number, one in enumerate(found, 1)]


def least(wired: Wired, x: Tensor, count: int) -> list[Tensor]:
    """Histories (1, T, inputs) after which an output fires at the end: least ones, of which none contains another.

    The silent one where nothing fires an output.
    """
    histories = all_of(x, len(wired.net.inputs))[: 2**16]
    lines = [wired.net.lines.index(output.line) for output in wired.net.outputs]
    told = histories[wired(histories)[:, -1, lines].any(1)]
    if not len(told):
        return [histories[:1]]
    found: list[Tensor] = []
    while len(told) and len(found) < count:
        best = told[told.sum((1, 2), dtype=torch.int64).argmin()]
        found.append(best[None])
        told = told[(told < best).any(2).any(1)]
    return found


def shown(net: Net) -> list[str]:
    """The lines that have a row: all of few; of many all but delays, and of too many still receptors and outputs."""
    spoken = {output.line for output in net.outputs}
    telling = [*net.inputs, *(cell.name for cell in net.cells if not delays(net, cell))]
    ends = [line for line in net.lines if line in net.inputs or line in spoken]
    return next((lines for lines in ([*net.lines], telling) if len(lines) <= ROWS), ends)


def draw_raster(axes: Axes, wired: Wired, history: Tensor) -> None:
    """A row for each line, a square where it fires: receptors grey, cells dark, what speaks red."""
    net = wired.net
    activity = wired(history.to(wired.endings.device))
    fired = activity[0].cpu().numpy()
    spoken = {output.line for output in net.outputs}
    lines = shown(net)
    for row, line in enumerate(lines):
        colour = PALE if line in net.inputs else ACCENT if line in spoken else INK
        times = fired[:, net.lines.index(line)].nonzero()[0]
        axes.bar(times, 0.7, 0.8, bottom=row - 0.35, color=colour)
    histories = dict(zip(net.lines, activity.unbind(2), strict=True))
    for output in net.outputs:
        times = evaluate(output.formula, histories)[0].cpu().numpy().nonzero()[0] + output.lag
        row, times = lines.index(output.line), times[times < len(fired)]
        axes.bar(times, 0.86, 0.96, bottom=row - 0.43, facecolor="none", edgecolor="black", linewidth=0.8)
    axes.set(ylim=(len(lines) - 0.5, -0.5), xlim=(-0.6, len(fired) - 0.4))
    axes.set_yticks(range(len(lines)), lines, fontsize=7)
    axes.set_xticks(range(0, len(fired), 1 if len(fired) <= STEPS else 5 if len(fired) <= 50 else 20))
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(length=0)
    axes.set_xlabel("synaptic delays", fontsize=8)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def counts(metrics: Mapping[str, float]) -> Figure:
    """How many of the functions of 1, 2, 3 inputs one cell computes, by rule."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    draw_counts(figure.add_subplot(), metrics)
    return figure


def draw_counts(axes: Axes, metrics: Mapping[str, float]) -> None:
    """A table: rules down, numbers of inputs across; the last column is XOR."""
    says = {
        "absolute": "absolute inhibition, threshold ≥ 1: the paper’s",
        "spontaneous": "absolute inhibition, threshold 0 too",
        "relative": "relative inhibition, any threshold",
    }
    xor = "under some rule" if metrics["train_set/one_unit_xor"] else "never"
    counted = {
        rule: [f"{metrics[f'train_set/one_unit_{rule}_{n}']:.0f} of {2**2**n}" for n in (1, 2, 3)] for rule in says
    }
    rows = [[name, *counted[rule], xor] for rule, name in says.items()]
    rows.append(["three cells, in two delays", "", "", "", "yes" if metrics["train_set/three_units_xor"] else "no"])
    from matplotlib.transforms import Bbox

    axes.axis("off")
    table = axes.table(
        [["one cell", "1 input", "2 inputs", "3 inputs", "XOR"], *rows],
        cellLoc="left",
        colWidths=[0.52, 0.12, 0.13, 0.14, 0.09],
        bbox=Bbox.unit(),
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    for (row, _), cell in table.get_celld().items():
        cell.set(linewidth=0.5, edgecolor="#c8ced6")
        cell.PAD = 0.03
        cell.get_text().set(fontsize=8, color=PALE if row == 0 else INK)


def contrast(arms: Mapping[str, list[Run]]) -> Figure:
    """The demonstration: what is felt after one and two steps of cold, and the table of what one cell computes."""
    from matplotlib.figure import Figure

    (felt,), (single,) = arms["heat–cold net"], arms["single cells"]
    model = felt.model()
    assert isinstance(model, McCullochPitts)
    ((_, wired),) = model.nets()
    figure = Figure(figsize=(10.4, 5.4), layout="constrained")
    figure.suptitle("Cold that is felt as heat, and what no single cell computes", fontsize=12)
    grid = figure.add_gridspec(2, 3, height_ratios=[2.3, 1.7], width_ratios=[1.7, 1, 1])
    drawn, *rasters = (figure.add_subplot(grid[0, column]) for column in range(3))
    draw_net(drawn, wired.net)
    drawn.set_title("receptors of heat N1 and cold N2, sensations N3 and N4", fontsize=9, loc="left")
    for axes, steps in zip(rasters, (1, 2), strict=True):
        draw_raster(axes, wired, cold(steps))
        axes.set_title(f"{steps} step{'s' * (steps > 1)} of cold (outlined: the formula)", fontsize=9, loc="left")
        axes.set_yticks(range(6), ["N1: hot", "N2: cold", "a", "b", "N3: heat!", "N4: cold!"], fontsize=7)
    draw_counts(figure.add_subplot(grid[1, :]), single.metrics)
    return figure
