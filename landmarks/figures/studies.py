"""A study as one picture: its rungs from left to right, and at each step what the switch does."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from landmarks.plots import ACCENT, BLUE, INK, PALE, plain

if TYPE_CHECKING:
    from landmarks.studies import Effect, Studied


def ladder(found: Studied) -> Figure:
    """Mean and interval of each rung; between two the effect, coloured where clear, bold where told."""
    rungs, n = found.rungs, len(found.study.seeds)
    figure = Figure(figsize=(1.5 + 1.12 * len(rungs), 4.6), layout="constrained")
    axes = figure.subplots()
    plain(axes)
    means = [rung.level.mean for rung in rungs]
    tops = [r.level.mean + (0.0 if math.isnan(r.level.half) else r.level.half) for r in rungs]
    for x, (rung, mean) in enumerate(zip(rungs, means, strict=True)):
        axes.plot([x - 0.3, x + 0.3], [mean, mean], color=INK, linewidth=3, solid_capstyle="round")
        axes.plot([x] * len(rung.values), rung.values, "o", color=PALE, ms=3.5, alpha=0.7, markeredgewidth=0)
        if not math.isnan(rung.level.half):
            axes.errorbar(x, mean, rung.level.half, color=INK, linewidth=1.2, capsize=4)
        axes.text(x, -0.02, f"{mean:.1f}{found.unit}", transform=axes.get_xaxis_transform(), ha="center", va="top")
        if rung.effect:
            colour = _colour(rung.effect)
            edge = [means[x - 1], means[x - 1], mean, mean]
            axes.plot([x - 0.7, x - 0.5, x - 0.5, x - 0.3], edge, color=colour, linewidth=1.2)
            place = max(tops[x - 1], tops[x])
            weight = "bold" if rung.effect.told else "normal"
            axes.annotate(
                rung.effect.text("+").replace("-", "−").replace(" ± ", "\n± "), (x - 0.5, place), (0, 6),
                textcoords="offset points", ha="center", va="bottom", fontsize=9, color=colour, fontweight=weight,
            )  # fmt: skip
    axes.set_xticks(range(len(rungs)), [textwrap.fill(rung.arm.name, 13) for rung in rungs], fontsize=9)
    axes.tick_params(axis="x", length=0, pad=20)
    axes.set_ylim(0, max(tops) * 1.18)
    axes.set_ylabel(f"{found.measure}{found.unit and ' (%)'}")
    on_top = f" · {' '.join(found.extra)}" * bool(found.extra)
    figure.suptitle(f"{found.study.says}{on_top}", fontsize=12)
    axes.set_title(
        f"Bar and whiskers: mean of {n} seeds (dots), its 95 % interval. At each step what the switch does: coloured"
        " where its interval leaves out 0, bold where that stands with all steps considered (Holm)",
        fontsize=9, color="#555555",
    )  # fmt: skip
    return figure


def _colour(effect: Effect) -> str:
    """Blue for clearly less, red for clearly more, grey where chance may have done it."""
    return PALE if not effect.clear else BLUE if effect.mean < 0 else ACCENT
