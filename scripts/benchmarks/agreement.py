"""Accuracy, not speed: fp32 of plain operators against each fast path, by the same data, weights and draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.training import Training
from landmarks import device as devices
from landmarks import loop
from landmarks.errors import LandmarksError
from landmarks.milestone import Milestone

FIRST = 50
"""So many losses are compared one by one; later ones part by chaos."""


@dataclass(frozen=True)
class Path:
    """A way to make the same steps: overrides, and what is done to the milestone (None: nothing)."""

    name: str
    overrides: tuple[str, ...] = ()
    prepare: Callable[[Milestone], None] | None = None


@dataclass(frozen=True)
class Comparison:
    """`paths`, of which the first is the plain one; `measure` is what is measured at the end."""

    what: str
    milestone: str
    overrides: tuple[str, ...]
    steps: int
    measure: str
    paths: Sequence[Path]


def plainly(milestone: Milestone) -> None:
    """LeNet-5 by the operators of its network, not by the update that is written out."""
    milestone.fused = None  # type: ignore[assignment]


PLAIN, COMPILED = Path("plain"), Path("compiled", ("compile=true",))
BF16, BOTH = Path("bf16", ("precision=bf16",)), Path("bf16 and compiled", ("precision=bf16", "compile=true"))
SGD = ("epochs=1000", "optimizer.name=sgd", "batch_size=128")
COMPARISONS = (
    Comparison("LeNet, batch 128", "lenet", SGD, 640, "test/error", (PLAIN, BF16)),
    Comparison(
        "LeNet-5 of 1998, one pattern an update", "lenet", ("epochs=1000",), 2_000, "test/error",
        (Path("plain", prepare=plainly), Path("written out")),
    ),
    Comparison("ResNet-20", "resnet", ("threads=null",), 360, "test/error", (PLAIN, COMPILED, BF16, BOTH)),
    Comparison("LSTM, temporal order", "lstm", (), 500, "test/absolute_error",
        (PLAIN, Path("C++ operator", ("operator=cpp",)))),
    Comparison("GAN, a noisy circle", "gan", (), 500, "test/discriminator_loss", (PLAIN, BF16)),
)  # fmt: skip


def compared(comparison: Comparison) -> Iterator[dict[str, Any] | str]:
    """A line for each path but the plain one, as JSON has them; of one that cannot be had here, why."""
    plain, *fast = comparison.paths
    plain_losses, plain_measured = _trained(comparison, plain)
    for path in fast:
        try:
            losses, measured = _trained(comparison, path)
        except LandmarksError as error:
            yield f"{comparison.what}, {path.name}: {error}"
            continue
        pairs = zip(plain_losses[:FIRST], losses[:FIRST], strict=True)
        found = {"loss": _last(losses), "loss_of_plain": _last(plain_losses), "measured": measured}
        found |= {"measured_of_plain": plain_measured, "largest_difference": max(abs(a - b) / abs(a) for a, b in pairs)}
        names = {"what": comparison.what, "path": path.name, "steps": comparison.steps, "measure": comparison.measure}
        yield names | {name: float(f"{value:.4g}") for name, value in found.items()}


def _trained(comparison: Comparison, path: Path) -> tuple[list[float], float]:
    """The loss of every step, and what was measured behind the last one."""
    steps = comparison.steps
    training = Training(comparison.milestone, "log_every=1", *comparison.overrides, *path.overrides, steps=steps)
    if path.prepare:
        path.prepare(training.milestone)
    training()
    split = comparison.measure.partition("/")[0]
    with devices.prepared(training.settings):
        training.milestone.eval()
        found = loop.measure(training.milestone, training.data, [split], training.device)
    return training.loop.losses, found.values[comparison.measure]


def _last(losses: Sequence[float]) -> float:
    """The mean of the last tenth."""
    some = losses[-max(1, len(losses) // 10) :]
    return sum(some) / len(some)
