"""Networks for pictures as their users write them: torch.nn, torch.optim, eager fp32; pictures through PIL."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.small import Step, shuffled
from landmarks.data.vision import torchvision
from landmarks.milestone import Data


class Block(nn.Module):
    """Two 3 × 3 convolutions and what they are added to; zeros where there are to be more maps (option A)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.stride, self.more = stride, out - channels

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.stride > 1 or self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + x)


def resnet20() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for k in range(3):
            layers.append(Block(channels, width, 1 if k else stride))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class WithinMaps(nn.Module):
    """Local response normalisation over 3 × 3 places of the same map, by the formula."""

    def forward(self, x: Tensor) -> Tensor:
        return x / (1 + 5e-5 * F.avg_pool2d(x.square(), 3, 1, 1)).pow(0.75)


def cifar_alexnet() -> nn.Module:
    """The "18 %" network of cuda-convnet."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(), WithinMaps(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True), WithinMaps(),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(64 * 4 * 4, 10),
    )  # fmt: skip


def alexnet_2012() -> nn.Module:
    """Two towers as groups of convolutions, `nn.LocalResponseNorm` (α/size), dropout: 60,965,224 parameters."""
    norm = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0) for _ in range(2)]
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4, 2), nn.ReLU(), norm[0], nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm[1], nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def classifier(network: nn.Module, data: Data, size: int, side: int) -> Step:
    """Shuffled pictures less their mean, the middle of them where the network sees less; momentum and weight decay."""
    rule = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    x, y = data.splits["train"]
    mean, start = x[:1000].float().mean(0), (x.shape[3] - side) // 2
    batches, total, wrong = shuffled(x, y, size), torch.zeros(()), torch.zeros(())

    def step() -> None:
        pictures, labels = next(batches)
        seen = (pictures.float() - mean)[:, :, start : start + side, start : start + side]
        answers = network(seen)
        loss: Any = F.cross_entropy(answers, labels)
        rule.zero_grad()
        loss.backward()
        rule.step()
        total.add_(loss.detach())
        wrong.add_((answers.argmax(1) != labels).sum())

    return step


def crops_by_pil(x: Tensor) -> Callable[[], Tensor]:
    """A batch of pictures (B, 3, 32, 32) as torchvision's tutorials make one: each a PIL picture, transformed."""
    torchvision()
    from PIL import Image

    transforms: Any = importlib.import_module("torchvision.transforms")
    transform = transforms.Compose(
        [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    arrays = x.permute(0, 2, 3, 1).numpy()
    return lambda: torch.stack([transform(Image.fromarray(array)) for array in arrays])
