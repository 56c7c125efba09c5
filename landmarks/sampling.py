"""What a trained generator draws (`sample`): the generator alone, out of a run's weights, and its samples in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from landmarks import assemble
from landmarks.errors import UsageError

ENDINGS = (".png", ".npy")


def sample(folder: Path, count: int, seed: int) -> Tensor:
    """`count` samples of a finished run, the same for the same seed. Raises UsageError, LandmarksError."""
    if count < 1:
        raise UsageError(f"-n {count}: at least one sample is wanted")
    if not 0 <= seed < 2**63:
        raise UsageError(f"--seed {seed}: a seed is a whole number from 0 on, below 2^63")
    return assemble.load_sampler(folder).sample(count, torch.Generator().manual_seed(seed))


def check(path: Path) -> Path:
    """The path, if it is one that `write` knows. Raises UsageError."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"-o {path}: ends in none of {', '.join(ENDINGS)}: a picture, or numbers for NumPy")
    return path


def write(samples: Tensor, path: Path, title: str) -> None:
    """One picture of all samples, or their numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".npy":
        np.save(path, samples.numpy())
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from landmarks.figures import samples as draw

    FigureCanvasAgg(draw.sheet(samples.numpy(), title)).print_figure(path, dpi=150)
