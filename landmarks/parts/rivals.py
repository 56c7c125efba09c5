"""The rivals of Fig. 9 that no gradient trains, and what each is fitted with.

LeCun, Bottou, Bengio, Haffner 1998, III.C: nearest neighbours, a polynomial classifier of principal components, radial
basis functions, and a support vector machine – the kernel machines that took over for the ten years after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from operator import attrgetter
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.errors import UsageError
from landmarks.milestone import Layer
from landmarks.parts.expansions import Quadratic, RadialBasis
from landmarks.parts.fitted import CHUNK, CLASSES, Rival, unit
from landmarks.settings import NOT_NEGATIVE, POSITIVE, Check

CACHE = 500
"""Megabytes in which a solver keeps what its kernel was found to be."""
FEW = Check("between 1 and 100", lambda count: 1 <= count <= 100)


@dataclass(frozen=True, kw_only=True)
class RivalSettings:
    """What a rival is fitted with; null is what another one needs.

    `width`: a Gaussian's σ, in root mean square distances of patterns to the centre nearest them; `ridge`: what stands
    on the diagonal of the pseudo-inverse, for each pattern; `penalty`: C.
    """

    neighbours: Annotated[int, FEW] | None
    components: Annotated[int, FEW] | None
    linear_terms: bool | None
    centres: Annotated[int, POSITIVE] | None
    width: Annotated[float, POSITIVE] | None
    ridge: Annotated[float, NOT_NEGATIVE] | None
    degree: Annotated[int, POSITIVE] | None
    offset: Annotated[float, NOT_NEGATIVE] | None
    penalty: Annotated[float, POSITIVE] | None


RIVALS = {
    "knn": ("neighbours",),
    "quadratic": ("components", "linear_terms"),
    "rbf": ("centres", "width", "ridge"),
    "svm": ("degree", "offset", "penalty"),
}
"""The keys of each rival."""
NOTHING = {field.name: None for field in fields(RivalSettings)}
"""Of a network that learns by steps."""


def build_rival(network: str, settings: RivalSettings, inputs: int) -> Rival | None:
    """A rival for so many pixels, not yet fitted; None for a network that learns.

    Raises UsageError for a key too many or too few.
    """
    needs = RIVALS.get(network, ())
    for key, value in vars(settings).items():
        if key in needs and value is None:
            raise UsageError(f"model.rival.{key}: {network} needs it, got null (experiment={network} sets it)")
        if key not in needs and value is not None:
            raise UsageError(
                f"model.rival.{key}={value}: without effect on model.network={network}; make it null, or leave both to"
                " an experiment"
            )
    given: Any = settings
    match network:
        case "knn":
            return Neighbours(given.neighbours)
        case "quadratic":
            return Quadratic(inputs, given.components, given.linear_terms)
        case "rbf":
            return RadialBasis(inputs, given.centres, given.width, given.ridge)
        case "svm":
            return SupportVectors(given.degree, given.offset, given.penalty)
    return None


def check_fitted(config: Any) -> None:
    """Raise UsageError for a key that only has effect where something is learned by steps."""
    network = config.model.network
    steps = {"epochs": None, "steps": None, "batch_size": 1, "optimizer.lr": None, "precision": "fp32", "init": None}
    others = {"replicas": 1, "data.distorted": 0, "model.output": "targets", "loss.name": "mse"}
    for key, wanted in {**steps, **others}.items():
        if (found := attrgetter(key)(config)) != wanted:
            must = "null" if wanted is None else wanted
            raise UsageError(
                f"{key}={found}: {network} is fitted at once, without steps, so {key} must be {must}"
                f" (experiment={network} sets what it needs)"
            )


class Neighbours(Rival):
    """The k nearest patterns vote, by Euclid's distance of their pixels; of equal votes those of the nearest count."""

    pictures: Tensor
    classes: Tensor

    def __init__(self, k: int) -> None:
        super().__init__("pictures", "classes")
        self.k = k

    def check(self, y: Tensor) -> None:
        if self.k > len(y):
            raise UsageError(f"model.rival.neighbours={self.k}: there are {len(y):,} patterns in all; ask fewer")

    def fit(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        self.keep(pictures=x.flatten(1), classes=y)

    def nearest(self, x: Tensor) -> Tensor:
        """Places of the k nearest, (B, k), from the nearest on; of equally near ones the first of the file.

        Exact in float32: bytes less 128 are whole numbers whose products sum to no more than 2²⁴.
        """
        stored = self.pictures.float() - 128
        squares, places = stored.square().sum(1).long(), torch.arange(len(stored), device=x.device)
        found = []
        for part in torch.split(x.flatten(1).float() - 128, CHUNK):
            distances = squares - 2 * (part @ stored.T).long()
            found.append(torch.topk(distances.mul_(len(stored)).add_(places), self.k, 1, largest=False).values)
        return torch.cat(found) % len(stored)

    def forward(self, x: Tensor) -> Tensor:
        """The share of the votes, from −1 to 1."""
        of = nn.functional.one_hot(self.classes[self.nearest(x)], CLASSES).float()  # (B, k, 10)
        ranks = 1 + 1e-3 * 0.5 ** torch.arange(self.k, device=x.device)
        return 2 * torch.einsum("bkc,k->bc", of, ranks) / self.k - 1

    def rows(self) -> Sequence[Layer]:
        if not self.fitted:
            return [Layer("stored pictures: all that are learned", f"{self.k} nearest", 0)]
        products = self.pictures.numel()
        return [Layer(f"{len(self.pictures):,} stored pictures", f"{self.k} nearest", products, None, products)]


class SupportVectors(Rival):
    """Support vector machines, one for each pair of classes, that vote; kernel (x·x′ + offset)^degree, |x| = 1.

    Of equal votes those count whose machines are surer, as scikit-learn's `break_ties` has it.
    """

    pictures: Tensor
    coefficients: Tensor
    intercepts: Tensor
    pairs: Tensor

    def __init__(self, degree: int, offset: float, penalty: float) -> None:
        super().__init__("pictures", "coefficients", "intercepts", "pairs")
        self.degree, self.offset, self.penalty = degree, offset, penalty

    def check(self, y: Tensor) -> None:
        if torch.bincount(y).count_nonzero() < 2:
            raise UsageError("model.network=svm: the patterns are of one class; give it two to tell apart")

    def fit(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        from sklearn.svm import SVC

        kernel = {"kernel": "poly", "degree": self.degree, "gamma": 1.0, "coef0": self.offset}
        machine = SVC(C=self.penalty, cache_size=CACHE, **kernel).fit(unit(x).numpy(), y.numpy())
        kinds, counts = torch.from_numpy(machine.classes_), [*machine.n_support_]
        parts = torch.split(torch.from_numpy(machine.dual_coef_), counts, 1)  # of the vectors of each class
        sign = -1 if len(kinds) == 2 else 1  # scikit-learn turns two classes round
        rows = []
        for i, j in combinations(range(len(kinds)), 2):
            row = [torch.zeros(count, dtype=torch.float64) for count in counts]
            row[i], row[j] = sign * parts[i][j - 1], sign * parts[j][i]
            rows.append(torch.cat(row))
        self.keep(
            pictures=x.flatten(1)[torch.from_numpy(machine.support_).long()],
            coefficients=torch.stack(rows),
            intercepts=sign * torch.from_numpy(machine.intercept_),
            pairs=torch.combinations(kinds),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The share of the votes that a class can get, from −1 to 1."""
        votes = torch.cat([self._votes(part) for part in torch.split(x, CHUNK)])
        return (2 * votes / (CLASSES - 1) - 1).float()

    def _votes(self, x: Tensor) -> Tensor:
        kernel = (unit(x) @ unit(self.pictures).mT + self.offset) ** self.degree
        sure = kernel @ self.coefficients.to(kernel).mT + self.intercepts.to(kernel)  # (B, pairs)
        first, second = (nn.functional.one_hot(of, CLASSES).to(kernel) for of in self.pairs.unbind(1))
        votes = (sure > 0).to(kernel) @ first + (sure <= 0).to(kernel) @ second
        sums = sure @ (first - second)
        return votes + sums / (3 * (sums.abs() + 1))

    def rows(self) -> Sequence[Layer]:
        if not self.fitted:
            return [Layer("support vectors: patterns that it chooses", f"{CLASSES}", 0)]
        stored, machines = self.pictures.numel(), len(self.intercepts)
        found = self.coefficients.numel() + machines
        return [
            Layer("support vectors", f"{len(self.pictures):,}", stored, None, stored),
            Layer("machines", f"{machines}", found, None, self.coefficients.numel()),
        ]

    def seen(self) -> tuple[str, str, Tensor]:
        """The hundred that weigh most."""
        heaviest = self.coefficients.abs().sum(0).argsort(descending=True, stable=True)[:100]
        title = f"{len(heaviest)} of {len(self.pictures):,} support vectors: those that weigh most"
        return "support_vectors", title, self.pictures[heaviest].float()
