"""GAN and denoising autoencoder as their users write them: torch.nn, torch.optim, eager fp32."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.small import Step, shuffled
from landmarks.milestone import Data


class Maxout(nn.Module):
    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear, self.units = nn.Linear(inputs, units * pieces), units

    def forward(self, x: Tensor) -> Tensor:
        pieces: Tensor = self.linear(x)
        return pieces.view(len(x), self.units, -1).max(2).values


def gan(data: Data) -> Step:
    """Goodfellow et al. 2014 on digits: D's update on 100 digits and 100 fakes, then G's by another 100 fakes."""
    generator = nn.Sequential(
        nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 784), nn.Sigmoid()
    )
    discriminator = nn.Sequential(
        nn.Dropout(0.2), Maxout(784, 240, 5), nn.Dropout(), Maxout(240, 240, 5), nn.Dropout(), nn.Linear(240, 1)
    )
    rules = [torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5) for net in (discriminator, generator)]
    batches, loss = shuffled(*data.splits["train"], 100), nn.BCEWithLogitsLoss()
    total = torch.zeros(2)

    def noise(count: int) -> Tensor:
        return (2 * torch.rand(count, 100) - 1) * 3**0.5

    def step() -> None:
        x = next(batches)[0].flatten(1).float() / 255
        one, zero = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        with torch.no_grad():
            fake = generator(noise(len(x)))
        errs = (loss(discriminator(x), one) + loss(discriminator(fake), zero)) / 2
        rules[0].zero_grad()
        errs.backward()
        rules[0].step()
        fooled = loss(discriminator(generator(noise(len(x)))), one)
        rules[1].zero_grad()
        fooled.backward()
        rules[1].step()
        total.add_(torch.stack([errs.detach(), fooled.detach()]))

    return step


def dae(data: Data, size: int, units: int, level: float) -> Step:
    """The first layer of Vincent et al. 2010: an exact share of the pixels masked, tied weights, cross-entropy."""
    encoder, visible = nn.Linear(784, units), nn.Parameter(torch.zeros(784))
    rule = torch.optim.SGD([*encoder.parameters(), visible], lr=0.1)
    batches, total, count = shuffled(*data.splits["train"], size), torch.zeros(()), round(level * 784)

    def step() -> None:
        x = next(batches)[0].flatten(1).float() / 255
        noisy = x.scatter(1, torch.rand_like(x).argsort(1)[:, :count], 0.0)
        rebuilt = F.linear(torch.sigmoid(encoder(noisy)), encoder.weight.T, visible)
        loss: Any = F.binary_cross_entropy_with_logits(rebuilt, x, reduction="none").sum(1).mean()
        rule.zero_grad()
        loss.backward()
        rule.step()
        total.add_(loss.detach())

    return step
