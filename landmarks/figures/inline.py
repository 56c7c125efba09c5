"""A figure as SVG that stands inside a page: its colours are the page's, light or dark, and its letters real text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"ink": "#010101", "muted": "#020202", "grid": "#030303", "ours": "#040404", "other": "#050505",
           "paper": "#060606", "page": "#070707"}  # fmt: skip
"""Each colour's name on the page, and what stands for it until the figure is written: nobody sees these."""
INK, MUTED, GRID, OURS, OTHER, PAPER, PAGE = COLOURS.values()
SHORTER = re.compile(r"(\.\d\d)\d+")
WIDTH = 4.6
"""Inches of a figure that is still read on a telephone."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "landmarks", "font.size": 8.5, "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "axes.titlecolor": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8,
    "legend.frameon": False, "grid.color": GRID, "grid.linewidth": 0.6, "axes.facecolor": "none",
    "figure.facecolor": "none", "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "path.simplify": True, "lines.linewidth": 1.5, "hatch.color": OURS,
}  # fmt: skip


class Drawing(NamedTuple):
    """What a page shows of an outcome: its title, and in words all that a reader sees who does not see the figure."""

    title: str
    told: str
    figure: Figure


@contextmanager
def styled() -> Iterator[None]:
    """While it lasts figures are drawn, and written, in the page's style."""
    with matplotlib.rc_context(STYLE):
        yield


def size(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of a page."""
    return Figure(figsize=(width, height), layout="constrained")


def interval(axes: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """An interval of ours, from end to end."""
    axes.plot(xs, ys, color=OURS, linewidth=2.5, solid_capstyle="butt")


def dot(axes: Axes, x: float, y: float, filled: bool = True) -> None:
    """A number of ours, hollow where it is not judged."""
    axes.plot(x, y, "o", color=OURS, markerfacecolor=OURS if filled else PAGE, markersize=5, zorder=3)


def diamond(axes: Axes, x: float, y: float, colour: str = PAPER) -> None:
    """A number of the paper's."""
    axes.plot(x, y, "D", color=colour, markerfacecolor="none", markersize=6, zorder=4)


def name_ours(axes: Axes, label: str = "ours, 95 %") -> None:
    """An entry of the legend for a number of ours with its interval."""
    axes.plot([], [], "o-", color=OURS, linewidth=2.5, markersize=5, label=label)


def name_paper(axes: Axes) -> None:
    """An entry of the legend for the paper's numbers."""
    axes.plot([], [], "D", color=PAPER, markerfacecolor="none", markersize=6, label="paper")


def number(value: float) -> str:
    """A number as an axis has it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def svg(drawing: Drawing, name: str) -> str:
    """A drawing, made and written while `styled`, as an `<svg>` whose ids begin with `name`: always the same bytes."""
    buffer = io.StringIO()
    drawing.figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ElementTree.fromstring(buffer.getvalue())
    found = ElementTree.Element("svg", {
        "class": "figure", "role": "img", "aria-label": drawing.told, "viewBox": root.attrib["viewBox"],
        "style": f"min-width:{72 * drawing.figure.get_figwidth():.0f}px",
    })  # fmt: skip
    for child in root:
        _copy(child, found)
    text = ElementTree.tostring(found, encoding="unicode")
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', text))
    text = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    for word, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{word})")
    return text


def _copy(node: ElementTree.Element, into: ElementTree.Element) -> None:
    """A node and what is in it, without what draws nothing, and with the page's own letters."""
    tag = node.tag.rpartition("}")[2]
    style = {key.strip(): value.strip() for key, _, value in (p.partition(":") for p in _parts(node)) if value}
    if tag in ("metadata", "style") or (tag == "path" and style == {"fill": "none"}):
        return
    style.pop("font-family", None)
    style.pop("stroke-linejoin", None)
    if font := style.pop("font", ""):
        style |= {"font-size": font.split("px")[0].split()[-1] + "px"}
        style |= {"font-weight": "bold"} if font.startswith(("bold", "700")) else {}
    kept = {key.rpartition("}")[2]: SHORTER.sub(r"\1", " ".join(value.split())) for key, value in node.attrib.items()}
    kept["style"] = ";".join(f"{key}:{value}" for key, value in style.items())
    if kept.get("transform", "").startswith("rotate(-0"):
        del kept["transform"]
    kept = {key: value for key, value in kept.items() if value}
    if tag != "g" or set(kept) - {"id"}:  # a group that says nothing is left out, its children are not
        into = ElementTree.SubElement(into, tag, kept)
        into.text = node.text and node.text.strip()
    for child in node:
        _copy(child, into)


def _parts(node: ElementTree.Element) -> list[str]:
    return node.attrib.get("style", "").split(";")
