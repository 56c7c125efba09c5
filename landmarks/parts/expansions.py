"""A fixed expansion of a picture and a linear classifier of it (LeCun et al. 1998, III.C): two of Fig. 9's rivals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.errors import UsageError
from landmarks.milestone import Layer
from landmarks.parts.fitted import CHUNK, CLASSES, Rival, pixels


class Expansion(Rival):
    """Features of a picture that are fitted first, and a linear classifier of them: least squares on targets of ±1."""

    weight: Tensor
    ridge = 0.0

    @abstractmethod
    def expand(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        """Fit what the features are made with."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """(B, pixels) in [0, 1] → (B, features), the last of which is 1."""

    def fit(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        self.expand(x, y, draws)
        gram, right = (torch.zeros((), dtype=torch.float64) for _ in range(2))
        for part, classes in zip(_chunks(x), torch.split(y, CHUNK), strict=True):
            features = self.features(part)
            gram, right = gram + features.mT @ features, right + features.mT @ targets(classes)
        gram.diagonal().add_(self.ridge * len(x))
        self.keep(weight=torch.linalg.pinv(gram, hermitian=True) @ right)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(pixels(x))
        return (features @ self.weight.to(features)).float()


def _chunks(x: Tensor) -> Iterator[Tensor]:
    return (pixels(part) for part in torch.split(x, CHUNK))


class Quadratic(Expansion):
    """The products of all pairs of principal components, each with itself too, and a constant; perhaps they themselves.

    40 components make 40 · 41 / 2 + 1 = 821 inputs, as the paper counts: so their linear terms are none of them.
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, inputs: int, components: int, linear_terms: bool) -> None:
        super().__init__("mean", "axes", "weight")
        self.inputs, self.components, self.linear_terms = inputs, components, linear_terms

    @property
    def products(self) -> int:
        """Inputs of the linear classifier."""
        return self.components * (self.components + 1) // 2 + self.components * self.linear_terms + 1

    def check(self, y: Tensor) -> None:
        if self.components >= len(y):
            raise UsageError(f"model.rival.components={self.components}: {len(y):,} patterns have fewer; ask fewer")

    def expand(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        """The directions of most variance, each divided by its deviation, which changes no least squares."""
        total = sum(part.sum(0) for part in _chunks(x))
        mean = torch.as_tensor(total) / len(x)
        covariance = torch.as_tensor(sum((part - mean).mT @ (part - mean) for part in _chunks(x))) / len(x)
        variances, directions = torch.linalg.eigh(covariance)
        most = directions[:, -self.components :].flip(1) / variances[-self.components :].flip(0).clamp_min(1e-12).sqrt()
        self.keep(mean=mean, axes=most)

    def features(self, x: Tensor) -> Tensor:
        z = (x - self.mean.to(x)) @ self.axes.to(x)
        i, j = torch.triu_indices(self.components, self.components, device=x.device)
        linear = [z] * self.linear_terms
        return torch.cat([z[:, i] * z[:, j], *linear, torch.ones_like(z[:, :1])], 1)

    def rows(self) -> Sequence[Layer]:
        components, products = self.inputs * self.components, self.products
        return [
            Layer("principal components", f"{self.components}", components + self.inputs, None, components),
            Layer("products of pairs", f"{products}", 0, None, self.components * (self.components + 1) // 2),
            Layer("output", f"{CLASSES}", CLASSES * products, None, CLASSES * (products - 1)),
        ]

    def seen(self) -> tuple[str, str, Tensor]:
        return "components", f"The {self.components} principal components, most variance first", self.axes.T


class RadialBasis(Expansion):
    """Gaussians around the means that k-means finds in each class alone, all as wide, and a constant."""

    centres: Tensor
    variance: Tensor

    def __init__(self, inputs: int, each: int, width: float, ridge: float) -> None:
        super().__init__("centres", "variance", "weight")
        self.inputs, self.each, self.width, self.ridge = inputs, each, width, ridge

    def check(self, y: Tensor) -> None:
        counts = torch.bincount(y)
        least = int(counts[counts > 0].min())
        if self.each >= least:
            raise UsageError(f"model.rival.centres={self.each}: of one class there are {least:,} patterns; ask fewer")

    def expand(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        """scikit-learn's k-means from one start for each class; σ² is so many mean square distances to the nearest."""
        from sklearn.cluster import KMeans

        centres, apart = [], 0.0
        with _threads():
            for kind in torch.bincount(y).nonzero()[:, 0]:
                found = KMeans(self.each, n_init=1, random_state=int(draws.integers(2**31)))
                found.fit(pixels(x[y == kind]).float().numpy())
                centres.append(torch.from_numpy(found.cluster_centers_))
                apart += float(found.inertia_)
        self.keep(centres=torch.cat(centres), variance=torch.tensor([self.width**2 * apart / len(x)]))

    def features(self, x: Tensor) -> Tensor:
        centres = self.centres.to(x)
        distances = x.square().sum(1, keepdim=True) + centres.square().sum(1) - 2 * x @ centres.mT
        return torch.cat([torch.exp(-distances / (2 * self.variance.to(x))), torch.ones_like(x[:, :1])], 1)

    def rows(self) -> Sequence[Layer]:
        units = CLASSES * self.each
        return [
            Layer("Gaussians", f"{units}", units * self.inputs + 1, None, units * self.inputs),
            Layer("output", f"{CLASSES}", CLASSES * (units + 1), None, CLASSES * units),
        ]

    def seen(self) -> tuple[str, str, Tensor]:
        """Of each class the first ten; what k-means leaves below 0 is rounding."""
        few = self.centres.view(-1, self.each, self.inputs)[:, :10]
        return "centres", f"Centres: {few.shape[1]} of the {self.each} of each class", few.flatten(0, 1).clamp_min(0)


def targets(y: Tensor) -> Tensor:
    """+1 for the class, −1 for the others: (B, 10) of float64."""
    return 2 * nn.functional.one_hot(y, CLASSES).double() - 1


def _threads() -> Any:
    """Within `with`, others than torch compute with no more threads than torch has."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(torch.get_num_threads())
