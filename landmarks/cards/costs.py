"""What a long run costs that nobody has made here yet: by its arithmetic, so an estimate."""

from __future__ import annotations

SUSTAINED = 5e12
"""Multiply-adds a second that a GPU of today is taken to make of a convolutional net's training."""
PASSES = 3
"""The way back takes two products for each of the way there."""


def on_a_gpu(pictures: float, multiply_adds: float) -> dict[str, float]:
    """Seconds on one GPU to learn from so many pictures, seen again or not, of so many multiply-adds each."""
    return {"cuda": round(PASSES * pictures * multiply_adds / SUSTAINED, -3)}
