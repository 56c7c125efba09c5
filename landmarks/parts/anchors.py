"""What a likelihood of samples is to be read beside: models so simple that nobody would call them good.

Samples of each are measured as the generator's own are. That 10,000 training images stand hardly above a good model,
and Gaussians above some of the paper's rivals, is what the number is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]


def of_pictures(x: Tensor, y: Tensor, count: int, generator: np.random.Generator) -> Mapping[str, Tensor]:
    """Name → samples (count, d) in [0, 1], from training pictures x (N, d) in [0, 1] of classes y (N,).

    `training_images` themselves (all of them where there are fewer); a full `gaussian`, and `class_gaussians` of the
    labels' own frequencies, both clipped; `marginals`, every pixel drawn alone.
    """
    pixels, labels = x.double().cpu().numpy(), y.cpu().numpy()
    chosen = generator.permutation(len(pixels))[:count]
    classes, counts = np.unique(labels[generator.integers(len(labels), size=count)], return_counts=True)
    by_class = [_gaussian(pixels[labels == c], n, generator) for c, n in zip(classes, counts, strict=True)]
    rows = generator.integers(len(pixels), size=(count, pixels.shape[1]))
    found = {
        "training_images": pixels[chosen],
        "class_gaussians": np.concatenate(by_class),
        "gaussian": _gaussian(pixels, count, generator),
        "marginals": pixels[rows, np.arange(pixels.shape[1])],
    }
    return {name: torch.from_numpy(samples.astype(np.float32)).to(x.device) for name, samples in found.items()}


def _gaussian(pixels: Floats, count: int, generator: np.random.Generator) -> Floats:
    """`count` draws of the Gaussian of maximum likelihood, clipped to [0, 1]."""
    covariance = np.cov(pixels, rowvar=False, bias=True) if len(pixels) > 1 else np.zeros((pixels.shape[1],) * 2)
    drawn = generator.multivariate_normal(pixels.mean(0), covariance, count, check_valid="ignore", method="eigh")
    return drawn.clip(0, 1)


def log_gaussian(x: Tensor, train: Tensor) -> Tensor:
    """log of the density at x (N, d) of the Gaussian of maximum likelihood on `train` (M, d), (N,) in float64."""
    x, train = x.double().cpu(), train.double().cpu()
    covariance = torch.cov(train.T, correction=0)
    model: Any = torch.distributions.MultivariateNormal(train.mean(0), covariance)
    found: Tensor = model.log_prob(x)
    return found


class Reader:
    """Names the class of a picture, to count which classes a generator draws: ridge regression on random features.

    Closed form, so that it is the same on every run; `units` rectified random projections, one output a class. On the
    4,000 digits of mnist5k it misreads 6 % of the others: enough to count classes.
    """

    def __init__(self, x: Tensor, y: Tensor, units: int = 1000, ridge: float = 1.0) -> None:
        generator = np.random.default_rng(0)
        self.weight = torch.from_numpy(generator.standard_normal((x.shape[1], units)) * 0.1).float().to(x.device)
        self.classes = int(y.max()) + 1
        features = self._features(x[:10_000])
        target = torch.nn.functional.one_hot(y[:10_000], self.classes).float()
        gram = features.T @ features + ridge * torch.eye(units + 1, device=x.device)
        self.readout = torch.linalg.solve(gram, features.T @ target)

    def _features(self, x: Tensor) -> Tensor:
        return torch.cat(((x @ self.weight).relu(), x.new_ones(len(x), 1)), 1)

    def read(self, x: Tensor) -> Tensor:
        """The class (N,) of pictures x (N, d)."""
        label: Tensor = (self._features(x) @ self.readout).argmax(1)
        return label
