"""What classifiers of colour pictures have in common: the mean, augmentation, views of a test, top-1 and top-5.

The networks and their rules of learning stand in `milestones/`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks.errors import UsageError
from landmarks.milestone import Answer, Batch, Data, Milestone, Scalars, Split, Sums
from landmarks.parts import augmentation
from landmarks.settings import NOT_NEGATIVE, POSITIVE, SOME, PictureSettings, Settings

LOOKED_AT = 100_000
"""Training pictures of which the statistics are taken: all of a set in memory, the first ones of a larger one."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to a picture each time it is learned from.

    `crops`: the square that the network sees lies anywhere, after padding by `pad`; else in the middle. `mirror`: left
    and right exchanged with probability one half. `colour`: σ of the light along the principal components of the
    colours, 0 for none; its strength goes by their `variance` (on the scale 0 to 1) or their standard `deviation`.
    """

    crops: bool
    pad: Annotated[int, NOT_NEGATIVE]
    mirror: bool
    colour: Annotated[float, NOT_NEGATIVE]
    colour_by: Literal["variance", "deviation"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How pictures are tested: by the middle (1), corners too (5), mirrors too (10), or whole, once for each scale."""

    views: Literal[1, 5, 10]
    scales: Annotated[tuple[Annotated[int, POSITIVE], ...], SOME] | None


@dataclass(frozen=True, kw_only=True)
class PictureConfig(Settings):
    """The groups that every classifier of pictures has; `model.input` is the side of what its network sees."""

    data: PictureSettings
    model: Any
    augmentation: Augmentation
    evaluation: Evaluation
    batch_size: Annotated[int, POSITIVE]


class PictureClassifier(Milestone):
    """A network under a softmax for pictures x (B, 3, side, side), uint8; y (B,) int64.

    A subclass makes `network`, float (B, 3, input, input) → (B, classes), and the phases. Pixels stay on their scale
    from 0 to 255, less the mean of the training pictures: of every pixel, or with data.scales of every colour.
    """

    config: PictureConfig
    network: nn.Module
    mean: Tensor
    colour_axes: Tensor
    colour_amounts: Tensor

    def __init__(self, config: PictureConfig) -> None:
        super().__init__(config)
        check(config)
        side = 1 if config.data.scales else config.data.side
        self.register_buffer("mean", torch.zeros(3, side, side))
        if config.augmentation.colour:
            self.register_buffer("colour_axes", torch.zeros(3, 3))
            self.register_buffer("colour_amounts", torch.zeros(3))

    @property
    def known(self) -> int:
        """The number of classes; those of ImageNet where no folder is named yet, of known sets ten."""
        source = self.config.data
        return len(source.classes) if source.classes else 1000 if source.name == "images" else 10

    def begin_epoch(self, data: Data) -> None:
        """Before anything is learned: the mean picture and the axes of the colours, of the training pictures alone.

        The weights of a run that another starts from (`init`) bring those that they have learned with.
        """
        train = data.splits["train"]
        if not self.mean.any():
            mean = augmentation.mean_picture(train, LOOKED_AT)
            self.mean.copy_(mean.mean((1, 2), keepdim=True) if self.config.data.scales else mean)
        if self.config.augmentation.colour and not self.colour_axes.any():
            axes, variances = augmentation.colour_axes(train, LOOKED_AT)
            by_variance = self.config.augmentation.colour_by == "variance"
            self.colour_axes.copy_(axes)
            self.colour_amounts.copy_(variances / 255 if by_variance else variances.sqrt())

    def centred(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), uint8, on the scale 0 to 255 less the mean."""
        return x.float().sub_(self.mean)

    def augmented(self, x: Tensor) -> Tensor:
        """What is learned from pictures x (B, 3, H, W), uint8: (B, 3, input, input)."""
        options, side = self.config.augmentation, self.config.model.input
        x = self.centred(x)
        if options.crops:
            x = augmentation.random_crops(x, side, options.pad, options.mirror)
        else:
            (x,) = augmentation.views(x, side, 1)
            x = augmentation.mirrored(x) if options.mirror else x
        if options.colour:
            x = augmentation.lit(x, self.colour_axes, self.colour_amounts, options.colour)
        return x

    def answers(self, view: Tensor) -> Tensor:
        """The network's logits (B, classes) of what it sees, (B, 3, side, side); channels last is faster."""
        logits: Tensor = self.network(view.contiguous(memory_format=torch.channels_last))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of the middle of pictures x (B, 3, H, W), uint8."""
        (view,) = augmentation.views(self.centred(x), self.config.model.input, 1)
        return self.answers(view)

    def step(self, batch: Batch) -> Scalars:
        logits = self.answers(self.augmented(batch.x)).float()
        loss = F.cross_entropy(logits, batch.y)
        self.descend(loss)
        return {"loss": loss, "error": (logits.detach().argmax(1) != batch.y).float().mean()}

    def views(self, x: Tensor) -> Iterator[Tensor]:
        """All that is seen of pictures x (B, 3, H, W), uint8, when they are tested."""
        x, options = self.centred(x), self.config.evaluation
        if options.scales is None:
            yield from augmentation.views(x, self.config.model.input, options.views)
        for side in options.scales or ():
            whole = augmentation.resized(x, side)
            yield whole
            yield whole.flip(3)

    def log_probabilities(self, x: Tensor) -> Tensor:
        """ln of the softmax (B, classes) of pictures x (B, 3, H, W), uint8, averaged over all views."""
        return averaged(self._seen(x))

    def _seen(self, x: Tensor) -> list[Tensor]:
        """ln of the softmax of each view."""
        return [self.answers(view).float().log_softmax(1) for view in self.views(x)]

    def evaluate(self, batch: Batch) -> Sums:
        """Loss and errors over all views; where corners are among these also the errors of the middle alone."""
        seen, count = self._seen(batch.x), len(batch.x)
        logs, several = averaged(seen), self.config.evaluation.views
        found = {"loss": (F.nll_loss(logs, batch.y, reduction="sum"), count)} | errors(logs, batch.y)
        if several > 1:
            middle = errors(seen[len(seen) - several // 5], batch.y)  # last, or last but its mirror
            found |= {f"centre_{name}": value for name, value in middle.items()}
        return found

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Loss and errors; with no more pictures at once than while learning, for the memory's sake."""
        return super().measure(split, min(size, self.config.batch_size))

    def answer(self, x: Tensor) -> Answer:
        return Answer.of(self.log_probabilities(x).exp())

    def exported(self) -> dict[str, Tensor]:
        return self.network.state_dict()

    def export_notes(self) -> dict[str, str]:
        """The mean that is to be taken from pictures, (3, side, side) or (3, 1, 1), as JSON."""
        rounded = [[[round(value, 3) for value in row] for row in plane] for plane in self.mean.tolist()]
        return {"pixels": "RGB on the scale 0 to 255, less `mean`", "mean": json.dumps(rounded)}


def averaged(logs: Sequence[Tensor]) -> Tensor:
    """ln of the mean probabilities (B, classes) of some views."""
    return torch.stack([*logs]).logsumexp(0) - math.log(len(logs)) if len(logs) > 1 else logs[0]


def errors(logs: Tensor, y: Tensor) -> Sums:
    """Top-1 and, of more than five classes, top-5 errors; logs (B, classes), y (B,)."""
    found = {"error": ((logs.argmax(1) != y).sum(), len(y))}
    if logs.shape[1] > 5:
        among = (logs.topk(5).indices == y[:, None]).any(1)
        found["top5_error"] = ((~among).sum(), len(y))
    return found


def check(config: PictureConfig) -> None:
    """Raise UsageError for sizes that do not go together, and for keys without effect."""
    source, options, evaluation = config.data, config.augmentation, config.evaluation
    inside, scales = config.model.input, source.scales
    if options.pad and not options.crops:
        raise UsageError("augmentation.pad: without crops the middle is taken, so it must be 0")
    if options.crops and not options.pad and not scales and source.side == inside:
        raise UsageError(f"augmentation.crops: {inside} × {inside} out of as many pixels; give pad, or crops=false")
    if not options.colour and options.colour_by != "variance":
        raise UsageError("augmentation.colour_by: without colour (σ = 0) it is without effect; leave it at variance")
    if scales and not inside <= scales.crop <= scales.low <= scales.high:
        raise UsageError("data.scales: model.input ≤ crop ≤ low ≤ high must hold")
    if source.side < inside:
        raise UsageError(f"data.side={source.side}: the pictures must be at least as large as model.input={inside}")
    if evaluation.scales and evaluation.views != 1:
        raise UsageError("evaluation.views: with scales the whole picture is seen at each, so it must be 1")
    if evaluation.views != 1 and source.side == inside:
        raise UsageError(
            f"evaluation.views={evaluation.views}: corners and middle are the same, as data.side and model.input are"
            f" both {inside}; give 1, or a smaller input"
        )
