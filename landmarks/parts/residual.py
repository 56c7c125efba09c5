"""Deep networks of residual blocks and their plain twins: the CIFAR and the ImageNet form of He et al. 2015.

Modules have the names of torchvision's ResNet (conv1, bn1, layer1.0.conv1, …, layer2.0.downsample.0, …, fc), so that
weights go from one to the other wherever the architectures agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks.milestone import Layer
from landmarks.parts.synchronised import batch_norm

Shortcut = Literal["A", "B", "C"]
Zeros = Literal["back", "front", "both"]

IMAGENET: Mapping[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3),
}  # fmt: skip
"""Table 1: the blocks of each stage."""
BOTTLENECK = 50
"""From this depth on a block is 1×1, 3×3, 1×1 instead of two 3×3."""
EXPANSION = 4
"""A bottleneck's last convolution has so many times the channels of the others."""


@dataclass(frozen=True)
class Form:
    """An architecture: the blocks of each stage, and their widths.

    `stem` is the first convolution's kernel, 3 or 7; with 7 it has a stride of 2, and pooling follows. `shortcut` None
    is a plain net. `stride_first`: a bottleneck's stride sits on its first 1×1, else on its 3×3.
    """

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    classes: int
    shortcut: Shortcut | None
    bottleneck: bool = False
    stem: Literal[3, 7] = 3
    stride_first: bool = True
    zeros: Zeros = "back"


def blocks_of(form: str, depth: int) -> tuple[int, ...]:
    """The blocks of each stage at a depth. Raises ValueError where the form knows none."""
    if form == "imagenet":
        if depth not in IMAGENET:
            raise ValueError(f"one of {', '.join(map(str, IMAGENET))}")
        return IMAGENET[depth]
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ValueError("6n + 2, as 20, 32, 44, 56, 110, 1202")
    return (n,) * 3


class Padded(nn.Module):
    """Option A: every `stride`-th pixel of (B, channels, H, W), and channels of zeros where there are to be more."""

    def __init__(self, channels: int, more: int, stride: int, zeros: Zeros) -> None:
        super().__init__()
        front = {"back": 0, "front": more, "both": more // 2}[zeros]
        self.stride, self.padding = stride, (0, 0, 0, 0, front, more - front)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], self.padding)


class Block(nn.Module):
    """F(x) + x, then ReLU; BN after every convolution, ReLU after every one but the last (3.2). A plain twin: F(x)."""

    def __init__(self, channels: int, width: int, stride: int, form: Form) -> None:
        super().__init__()
        out = width * (EXPANSION if form.bottleneck else 1)
        first = stride if form.stride_first or not form.bottleneck else 1
        kernels = (1, 3, 1) if form.bottleneck else (3, 3)
        sides, strides = (channels, *[width] * (len(kernels) - 1), out), (first, stride // first, 1)
        self.depth = len(kernels)
        for k in range(self.depth):
            self.add_module(f"conv{k + 1}", convolution(sides[k], sides[k + 1], kernels[k], strides[k]))
            self.add_module(f"bn{k + 1}", batch_norm(sides[k + 1]))
        self.residual = form.shortcut is not None
        self.downsample = shortcut(channels, out, stride, form)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for k in range(1, self.depth + 1):
            y = self._modules[f"bn{k}"](self._modules[f"conv{k}"](y))  # type: ignore[misc]
            if k < self.depth:
                y = F.relu(y, inplace=True)
        if self.residual:
            y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


def convolution(channels: int, out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Without biases, for BN follows."""
    return nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)


def shortcut(channels: int, out: int, stride: int, form: Form) -> nn.Module | None:
    """What the input of a block goes through before it is added; None: the identity, or a plain net's nothing (3.3)."""
    if form.shortcut is None or (channels == out and stride == 1 and form.shortcut != "C"):
        return None
    if form.shortcut == "A":
        return Padded(channels, out - channels, stride, form.zeros)
    return nn.Sequential(convolution(channels, out, 1, stride), batch_norm(out))


class Network(nn.Module):
    """Pictures (B, 3, H, W) → logits (B, classes): a first convolution, stages of blocks, the mean over places, fc."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        channels, wide = form.widths[0], EXPANSION if form.bottleneck else 1
        self.conv1 = convolution(3, channels, form.stem, 2 if form.stem == 7 else 1)
        self.bn1 = batch_norm(channels)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if form.stem == 7 else nn.Identity()
        self.stages = [f"layer{i + 1}" for i in range(len(form.blocks))]
        for i, (name, count, width) in enumerate(zip(self.stages, form.blocks, form.widths, strict=True)):
            stage = nn.Sequential()
            for j in range(count):
                stage.append(Block(channels, width, 2 if i and not j else 1, form))
                channels = wide * width
            self.add_module(name, stage)
        self.fc = nn.Linear(channels, form.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for name in self.stages:
            x = self._modules[name](x)  # type: ignore[misc]
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits

    def last(self, side: int) -> int:
        """The side of the last maps for pictures of a side, which every stride halves, rounding up."""
        return -(-side >> len(self.stages) - 1 + 2 * (self.form.stem == 7))

    def rows(self, side: int) -> list[Layer]:
        """The layer table for pictures of a side: the first convolution, the stages, the classifier."""
        multiplied, side = _through(self.conv1, side)
        pooled = (side - 1) // 2 + 1 if isinstance(self.maxpool, nn.MaxPool2d) else side
        stem = _parameters(self.conv1) + _parameters(self.bn1)
        found = [Layer("conv1", f"{self.conv1.out_channels} × {side} × {side}", stem, multiply_adds=multiplied)]
        side = pooled
        for name, count, width in zip(self.stages, self.form.blocks, self.form.widths, strict=True):
            stage, multiplied = self.get_submodule(name), 0
            for block in stage.children():
                before = side
                for k, conv in _convolutions(block):
                    done, after = _through(conv, before if k.startswith("downsample") else side)
                    multiplied, side = multiplied + done, after
            channels = width * (EXPANSION if self.form.bottleneck else 1)
            what = f"{name}: {count} block{'s' * (count > 1)}"
            found.append(Layer(what, f"{channels} × {side} × {side}", _parameters(stage), multiply_adds=multiplied))
        return [*found, Layer("fc", f"{self.fc.out_features}", _parameters(self.fc),
                              multiply_adds=self.fc.weight.numel())]  # fmt: skip

    def responses(self, x: Tensor) -> list[tuple[str, float]]:
        """The standard deviations of what the 3 × 3 layers answer: after BN, before ReLU and addition (Fig. 7)."""
        found: list[tuple[str, float]] = []
        taken = []
        for name, conv in _convolutions(self):
            if conv.kernel_size[0] > 1:
                normalised = self.get_submodule(name.replace("conv", "bn"))
                taken.append(normalised.register_forward_hook(
                    lambda module, inputs, y, name=name: found.append((name, float(y.float().std())))))  # fmt: skip
        try:
            self(x)
        finally:
            for hook in taken:
                hook.remove()
        return found


def _convolutions(module: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            yield name, child


def _through(conv: nn.Conv2d, side: int) -> tuple[int, int]:
    """Multiply-adds of a convolution on a square of a side, and the side of its output."""
    side = (side - conv.kernel_size[0] + 2 * int(conv.padding[0])) // conv.stride[0] + 1
    return side * side * conv.weight.numel(), side


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def initialise(network: nn.Module, fan: Literal["fan_in", "fan_out"], draw: np.random.Generator) -> None:
    """Weights N(0, 2/n), n = k² times the channels of one side (He et al. 2015, arXiv 1502.01852, eqs. 10 and 14).

    The last layer has no ReLU above it, and few outputs: n is its inputs whatever `fan` says. Biases are 0.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight
            out, kernel = weight.shape[0], weight[0, 0].numel() if weight.ndim == 4 else 1
            n = kernel * out if fan == "fan_out" and weight.ndim == 4 else weight[0].numel()
            values = draw.standard_normal(weight.shape, np.float32)
            weight.copy_(torch.from_numpy(values) * (2 / n) ** 0.5)
            if module.bias is not None:
                module.bias.zero_()
