"""The pictures of adversarial nets: what is drawn, from which noise, how it came about, and what D says of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from landmarks.data import plane
from landmarks.data.pictures import SIDE
from landmarks.figures.samples import scatter, show, tiled
from landmarks.milestone import Data
from landmarks.parts import parzen
from landmarks.plots import ACCENT, BLUE, INK, PALE, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.milestones.gan import GAN
    from landmarks.results import Run

Array = npt.NDArray[Any]
CHANCE = "ln 2: D says 1/2"


def figures(gan: GAN, data: Data) -> Iterator[tuple[str, Figure]]:
    """All pictures of a finished run, (name, figure)."""
    history = gan.memory["history"].cpu().numpy()
    yield "losses", losses(history, next(iter(gan.compared.values()), {}))
    moments = history[gan.memory["moments"].cpu().numpy(), 0]
    snapshots = gan.memory["snapshots"].cpu().numpy()
    counts = gan.counts(gan.draw(gan.config.parzen.samples, gan.fixed())).cpu().numpy()
    if len(counts) > 1:
        yield "coverage", coverage(counts, gan)
    if gan.generator.points:
        yield "samples_by_epoch", clouds_by_epoch(gan, moments)
        yield "equilibrium", equilibrium(gan, data)
        return
    yield "samples_by_epoch", pictures_by_epoch(snapshots, moments)
    yield "neighbours", neighbours(gan, data)
    yield "interpolation", interpolation(gan)


LINES = {
    "true_sampler": ("the true sampler", INK),
    "training_images": ("training images", INK),
    "class_gaussians": ("a Gaussian for each class", BLUE),
    "gaussian": ("one Gaussian", PALE),
}
"""The anchors that stand beside a likelihood."""


def losses(history: Array, anchors: Mapping[str, Any]) -> Figure:
    """Both sides' losses, and the likelihood beside its anchors, at each evaluation; history (evaluations, 4)."""
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    game, likelihood = figure.subplots(1, 2)
    epoch = history[:, 0]
    game.plot(epoch, history[:, 1], color=INK, label="D: mean cross-entropy of real and generated")
    game.plot(epoch, history[:, 2], color=ACCENT, label="G: −log D(G(z))")
    game.axhline(math.log(2), color="black", linewidth=1, linestyle="--", label=CHANCE)
    game.set(title="losses of both sides (training)", ylim=(0, None))
    likelihood.plot(epoch, history[:, 3], color=ACCENT, marker="o" if len(epoch) < 40 else "", ms=3)
    for name in (name for name in LINES if name in anchors):
        label, colour = LINES[name]
        likelihood.axhline(float(anchors[name]), color=colour, linewidth=1, linestyle="--", label=label)
    likelihood.set_title("Parzen log-likelihood of held-out patterns (nats)")
    for axes in (game, likelihood):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, frameon=False)
        _plain(axes, "epochs")
    return figure


def coverage(counts: Array, gan: GAN) -> Figure:
    """How many samples fall to each class, or to each Gaussian of the ring; counts (classes,)."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.add_subplot()
    shares, ring = 100 * counts / gan.config.parzen.samples, gan.config.data.name == "ring"
    axes.bar(range(len(shares)), shares, color=[ACCENT if share > 1 else PALE for share in shares])
    axes.axhline(100 / len(shares), color="black", linewidth=1, linestyle="--", label="equal shares")
    missed = 100 - shares.sum()
    beside = f"modes covered; {missed:.0f} % of the samples at none" if ring else "classes drawn, by a simple reader"
    axes.set_title(f"{(shares > 1).sum()} of {len(shares)} {beside}", fontsize=10)
    axes.set_ylabel("samples (%)", fontsize=9)
    axes.set_xticks(range(len(shares)))
    axes.legend(fontsize=8, frameon=False)
    _plain(axes, "Gaussian of the ring" if ring else "class")
    return figure


def pictures_by_epoch(snapshots: Array, moments: Array) -> Figure:
    """A row for each moment: what the same noise becomes; snapshots (k, 16, 784)."""
    rows, columns, _ = snapshots.shape
    figure = Figure(figsize=(0.5 * columns + 1, 0.5 * rows + 0.6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(tiled(snapshots.reshape(-1, SIDE, SIDE), columns), cmap="gray", vmin=0, vmax=1)
    pitch = SIDE + 2
    axes.set_yticks([pitch * row + SIDE / 2 for row in range(rows)], [f"epoch {m:.0f}" for m in moments], fontsize=8)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("What the same noise becomes", fontsize=11)
    return figure


def clouds_by_epoch(gan: GAN, moments: Array) -> Figure:
    """The samples of one noise at up to six moments; points (k, n, 2)."""
    snapshots = gan.memory["snapshots"].cpu().numpy().reshape(len(moments), -1, 2)
    chosen = np.unique(np.linspace(0, len(moments) - 1, min(6, len(moments))).round().astype(int))
    figure = Figure(figsize=(2.6 * min(3, len(chosen)), 2.8 * -(-len(chosen) // 3)), layout="constrained")
    figure.suptitle("What the same noise becomes", fontsize=11)
    grid = figure.subplots(-(-len(chosen) // 3), min(3, len(chosen)), squeeze=False).flat
    for axes, moment in zip(grid, chosen, strict=False):
        scatter(axes, snapshots[moment], ACCENT)
        axes.set_title(f"epoch {moments[moment]:.0f}", fontsize=9)
    for axes in [*grid]:
        axes.set_axis_off()
    return figure


def neighbours(gan: GAN, data: Data, shown: int = 12) -> Figure:
    """Samples above, below each the training picture nearest to it (Fig. 2): nothing is learned by heart."""
    train = data.splits["train"].x.flatten(1).float() / 255
    drawn = gan.generator.sample(shown, gan.fixed()).flatten(1)
    nearest = train[torch.cdist(drawn, train).argmin(1)]
    figure = Figure(figsize=(0.7 * shown, 2.2), layout="constrained")
    axes = figure.add_subplot()
    show(axes, tiled(torch.cat((drawn, nearest)).view(-1, SIDE, SIDE).cpu().numpy(), shown))
    axes.set_title("Samples (above), and the training picture nearest to each (below)", fontsize=10)
    return figure


@torch.no_grad()
def interpolation(gan: GAN, rows: int = 5, columns: int = 11) -> Figure:
    """From one noise to another in a straight line (Fig. 3)."""
    z = gan.generator.noise(2 * rows, gan.fixed()).view(2, rows, 1, -1)
    part = torch.linspace(0, 1, columns, device=z.device)[:, None]
    drawn = gan.generator(torch.lerp(z[0], z[1], part).flatten(0, 1)).view(-1, SIDE, SIDE)
    figure = Figure(figsize=(0.6 * columns, 0.6 * rows + 0.4), layout="constrained")
    axes = figure.add_subplot()
    show(axes, tiled(drawn.cpu().numpy(), columns))
    axes.set_title("In a straight line from one noise to another, a row each", fontsize=10)
    return figure


@torch.no_grad()
def equilibrium(gan: GAN, data: Data) -> Figure:
    """Data and samples; D's answer in the plane, beside the best one, p / (p + q).

    q is estimated with a window as wide as the noise of the data, so p is blurred by the same one, which widens its
    noise by √2.
    """
    side = torch.linspace(-1.6, 1.6, 81)
    places = torch.cartesian_prod(side, side)
    samples = gan.draw(gan.config.parzen.samples, gan.fixed())
    gan.discriminator.eval()
    ours = gan.discriminator(places.to(samples)).sigmoid().cpu()
    noise = gan.config.data.noise or 0
    log_p = plane.log_density(replace(gan.config.data, noise=math.sqrt(2) * noise), places)
    log_q = parzen.log_densities(places.to(samples), samples, samples.new_tensor([noise]))[0].cpu()
    best = (log_p - log_q).sigmoid()
    seen = torch.logaddexp(log_p, log_q) > math.log(0.05)  # where neither puts anything, any answer is as good
    figure = Figure(figsize=(11.4, 3.8), layout="constrained")
    cloud, left, right = figure.subplots(1, 3)
    scatter(cloud, data.splits["train"].x.cpu().numpy(), PALE, "data")
    scatter(cloud, samples.cpu().numpy(), ACCENT, "samples")
    cloud.legend(fontsize=8, frameon=False, loc="center", markerscale=2)
    cloud.set_title("data and samples", fontsize=10)
    for axes, values, title in ((left, ours, "D(x) as learned"), (right, best, "the best D: p / (p + q)")):
        drawn = _map(axes, torch.where(seen, values.double(), math.nan).view(81, 81), title)
    figure.colorbar(drawn, ax=[left, right], shrink=0.8).ax.tick_params(labelsize=8)
    return figure


def _map(axes: Axes, values: Tensor, title: str) -> Any:
    """Answers (81, 81) between 0 and 1 over the plane, white at 1/2 and grey where there is nothing to say."""
    axes.set_facecolor("#e4e6ea")
    drawn = axes.imshow(values.T.numpy(), cmap="RdBu", vmin=0, vmax=1, origin="lower", extent=(-1.6, 1.6, -1.6, 1.6))
    axes.set_title(title, fontsize=10)
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.tick_params(labelsize=8)
    return drawn


def _plain(axes: Axes, unit: str) -> None:
    axes.set_xlabel(unit, fontsize=9)
    axes.title.set_fontsize(10)
    axes.tick_params(labelsize=8)
    plain(axes)


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: samples of the first run over the data, likelihood and D's loss of all runs by epoch."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    figure.suptitle("A circle, learned from a critic that learns beside", fontsize=12)
    cloud, likelihood, loss = figure.subplots(1, 3)
    (runs,) = arms.values()
    gan: Any = runs[0].model()
    from landmarks import data

    scatter(cloud, data.load(gan.config.data).splits["test"].x.numpy(), PALE, "held-out points")
    scatter(cloud, runs[0].sample(1000).numpy(), ACCENT, "samples")
    cloud.legend(fontsize=8, frameon=False, loc="center", markerscale=2)
    cloud.set_title(f"seed {gan.config.seed}")
    for run in runs:
        for axes, name in ((likelihood, "valid/log_likelihood"), (loss, "valid/discriminator_loss")):
            curve = run.curves[name]
            axes.plot(curve.epoch, curve.value, color=ACCENT, linewidth=1.3, alpha=0.8)
    metrics = runs[0].metrics
    for name in ("true_sampler", "gaussian"):
        label, colour = LINES[name]
        likelihood.axhline(metrics[f"test/{name}"], color=colour, linewidth=1, linestyle="--", label=label)
    loss.axhline(math.log(2), color="black", linewidth=1, linestyle="--", label=CHANCE)
    likelihood.set(title="log-likelihood of held-out points (nats)", ylim=(-3.5, -0.8))
    loss.set(title="D's loss on held-out points and samples", ylim=(0, 1))
    for axes in (likelihood, loss):
        axes.legend(fontsize=8, frameon=False, loc="lower right")
        _plain(axes, f"epochs; a line for each of {len(runs)} seeds")
    return figure
