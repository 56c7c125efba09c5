"""Made-up milestones: what a new chapter needs, two phases, two optimisers against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from landmarks.claims import Claim
from landmarks.data import FIRST, Draws
from landmarks.milestone import Batch, Card, Data, Milestone, Phase, Scalars, Split, Sums
from landmarks.settings import POSITIVE, DataSettings, Settings

CARD = Card(
    "A toy", "Nobody 2026.", "Nothing.", Claim("T1", "It learns.", "train_set/error", 0.0, "nowhere", "recalled")
)

YAML = """\
# @package _global_
milestone: {name}
epochs: 12
log_every: 3
eval_every: 7
checkpoint_every: 5
data: {{name: toy}}
optimizer: {{lr: 0.1}}
"""


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """XOR: four patterns."""
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return Data("toy", {"train": Split(x, x[:, :1] != x[:, 1:])}, "0" * 64)


@dataclass(frozen=True, kw_only=True)
class ToyOptimizer:
    lr: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class ToyConfig(Settings):
    optimizer: ToyOptimizer


class Tenth(Milestone):
    """A tanh network by torch's own SGD with momentum, one pattern an update, with dropout for the random state."""

    Config = ToyConfig
    card = CARD

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        torch.manual_seed(config.seed)
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))

    def phases(self) -> tuple[Phase, ...]:
        lr = self.config.optimizer.lr
        sgd = torch.optim.SGD(self.net.parameters(), lr=torch.tensor(lr), momentum=0.9, fused=True)
        rates = {"main": lambda t: lr / (1 + t)}
        epochs, steps = (None, self.config.steps) if self.config.steps else (self.config.epochs, None)
        return (Phase("training", {"main": sgd}, rates, epochs=epochs, steps=steps, batch_size=1),)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def step(self, batch: Batch) -> Scalars:
        loss = (self(batch.x) - batch.y.float()).square().mean()
        self.descend(loss)
        return {"loss": loss}

    def evaluate(self, batch: Batch) -> Sums:
        wrong = (self(batch.x) - batch.y.float()).abs() > 0.3
        return {"error": (wrong.sum(), len(batch.x))}


class TwoPhases(Tenth):
    """First the first layer learns, then the last one, each with an optimiser of its own."""

    def phases(self) -> tuple[Phase, ...]:
        lr = self.config.optimizer.lr

        def phase(name: str, index: int) -> Phase:
            layer = self.net[index]
            sgd = torch.optim.SGD(layer.parameters(), lr=torch.tensor(lr), momentum=0.5, fused=True)
            return Phase(name, {"main": sgd}, {"main": lambda t: lr}, steps=10, batch_size=2, trains=(f"net.{index}.",))

        return phase("first", 0), phase("last", 3)


class Adversaries(Milestone):
    """Two scalars that pull against each other: x descends x·y, y ascends it."""

    Config = ToyConfig
    card = CARD

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.x, self.y = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(1.0))

    def phases(self) -> tuple[Phase, ...]:
        lr = self.config.optimizer.lr
        optimizers = {n: torch.optim.SGD([p], lr=torch.tensor(lr), fused=True) for n, p in self.named_parameters()}
        schedules = {"x": lambda t: lr, "y": lambda t: 2 * lr}
        return (Phase("game", optimizers, schedules, steps=self.config.epochs, batch_size=None, order="sequential"),)

    def step(self, batch: Batch) -> Scalars:
        self.descend(self.x * self.y, "x")
        self.descend(-self.x * self.y, "y")
        return {"x": self.x, "y": self.y}
