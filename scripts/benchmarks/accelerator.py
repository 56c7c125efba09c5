"""The rows of a CUDA device: how long the paper's whole run takes, from some hundred of its steps."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.measure import Row, Work
from benchmarks.training import Training, random_pictures

FLOOR = "arithmetic and memory of one H200"
FAST = ("device=cuda", "scale=paper", "compile=true", "precision=bf16")


def resnet(depth: int) -> tuple[Work, Work]:
    """All 64,000 iterations with augmentation, on random pictures."""
    data = random_pictures(50_000, (3, 32, 32), 10)
    ours = Training("resnet", *FAST, f"model.depth={depth}", steps=300, data=data)
    return lambda: 64_000 * ours(), _floor({20: 23.0, 56: 64.0, 110: 124.0}[depth])


def lenet() -> tuple[Work, Work]:
    """20 passes over 60,000 random pictures."""
    data, words = random_pictures(60_000, (28, 28), 10), ("optimizer.name=sgd", "optimizer.lr=0.01", "batch_size=128")
    ours = Training("lenet", *FAST, *words, "epochs=1000000", steps=469, data=data)
    return lambda: 20 * 469 * ours(), _floor(0.8)


def _floor(seconds: float) -> Work:
    return lambda: seconds


def _row(name: str, what: str, target: float, make: Callable[[], tuple[Work, Work]]) -> Row:
    return Row(name, what, FLOOR, target, make, unit="s a run")


GPU = (
    _row("gpu-resnet20", "ResNet-20 on CIFAR-10, 64,000 iterations, batch 128", 2.0, lambda: resnet(20)),
    _row("gpu-resnet56", "ResNet-56, the same", 2.0, lambda: resnet(56)),
    _row("gpu-resnet110", "ResNet-110, the same", 2.0, lambda: resnet(110)),
    _row("gpu-lenet", "LeNet-5, 20 passes over MNIST, batch 128", 2.5 / 0.8, lenet),
)
