"""Accuracy, not speed: fp32 of plain operators against each fast path, by the same data, weights and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.training import Training
from landmarks import device as devices
from landmarks import loop
from landmarks.milestone import Data, Milestone

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
SGD = ("epochs=1000", "optimizer.name=sgd", "optimizer.lr=0.01", "batch_size=128")
COMPARISONS = (
    Comparison("LeNet, batch 128", "lenet", SGD, 96, "test/error", (PLAIN, COMPILED, BF16)),
    Comparison(
        "LeNet-5 of 1998, one pattern an update", "lenet", ("epochs=1000",), 2_000, "test/error",
        (Path("plain", prepare=plainly), Path("written out")),
    ),
    Comparison("ResNet-20", "resnet", ("threads=null",), 120, "test/error", (PLAIN, COMPILED, BF16, BOTH)),
    Comparison("LSTM, temporal order", "lstm", (), 500, "test/error",
        (PLAIN, Path("C++ operator", ("operator=cpp",)))),
    Comparison("GAN, a noisy circle", "gan", (), 500, "test/discriminator_loss", (PLAIN, COMPILED)),
)  # fmt: skip


def compared(comparison: Comparison) -> list[dict[str, Any]]:
    """A line for each path but the plain one, as JSON has them."""
    (plain, *fast), (plain_losses, *others) = comparison.paths, [_losses(comparison, p) for p in comparison.paths]
    found = []
    for path, (losses, final) in zip(fast, others, strict=True):
        pairs = zip(plain_losses[0][:FIRST], losses[:FIRST], strict=True)
        found.append(
            {
                "what": comparison.what,
                "path": path.name,
                "against": plain.name,
                "steps": comparison.steps,
                "loss": _short(_last(losses)),
                "loss_of_plain": _short(_last(plain_losses[0])),
                "measure": comparison.measure,
                "measured": _short(final),
                "measured_of_plain": _short(plain_losses[1]),
                "largest_difference": float(f"{max(abs(a - b) for a, b in pairs):.2g}"),
            }
        )
    return found


def _losses(comparison: Comparison, path: Path) -> tuple[list[float], float]:
    """The loss of every step, and what was measured behind the last one."""
    steps = comparison.steps
    training = Training(comparison.milestone, "log_every=1", *comparison.overrides, *path.overrides, steps=steps)
    if path.prepare:
        path.prepare(training.milestone)
    training()
    data, device = training.data, training.device
    with devices.prepared(training.settings), devices.autocast(device, training.settings.precision):
        training.milestone.eval()
        return training.loop.losses, _measured(training.milestone, data, comparison.measure, training)


def _measured(milestone: Milestone, data: Data, name: str, training: Training) -> float:
    split = name.partition("/")[0]
    return loop.measure(milestone, data, [split], training.device)[name]


def _last(losses: Sequence[float]) -> float:
    """The mean of the last tenth."""
    some = losses[-max(1, len(losses) // 10) :]
    return sum(some) / len(some)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
