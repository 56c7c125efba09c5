"""LeNet as Lightning's and torchvision's own tutorials train it: LightningModule, Trainer, DataLoader, transforms."""

from __future__ import annotations

import importlib
import logging
import tempfile
import time
import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from benchmarks.measure import Work, on_threads
from benchmarks.small import milestone
from landmarks.data.vision import torchvision
from landmarks.errors import LandmarksError
from landmarks.milestone import Data


def lenet(data: Data, size: int, threads: int | None) -> Work:
    """An epoch of `trainer.fit`, from its first batch to its last. Raises LandmarksError where Lightning is missing."""
    torchvision()  # which Lightning imports, too
    try:
        lightning: Any = importlib.import_module("lightning")
    except ImportError:
        raise LandmarksError("needs Lightning: pip install -e '.[bench]' -c scripts/constraints.txt") from None
    loader = DataLoader(_digits(data), batch_size=size, shuffle=True)
    for name in ("lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class LitLeNet(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = milestone("lenet", "model.output=softmax").get_submodule("network")
            self.seconds = 0.0

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            x, y = batch
            loss = F.cross_entropy(self.network(x), y)
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.01)

        def on_train_epoch_start(self) -> None:
            self.seconds = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds = time.perf_counter() - self.seconds

    def work() -> float:
        model = LitLeNet()
        with tempfile.TemporaryDirectory() as place, on_threads(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = lightning.Trainer(
                max_epochs=1, accelerator="cpu", default_root_dir=place, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False,
            )  # fmt: skip
            trainer.fit(model, loader)
        return model.seconds / len(loader)

    return work


def _digits(data: Data) -> Any:
    """torchvision's MNIST, with the digits at hand in place of the files, padded, made a tensor and normalised."""
    torchvision()
    datasets: Any = importlib.import_module("torchvision.datasets")
    transforms: Any = importlib.import_module("torchvision.transforms")

    class Digits(datasets.MNIST):  # type: ignore[misc]
        def __init__(self) -> None:
            self.data, self.targets = data.splits["train"]
            self.target_transform = None
            self.transform = transforms.Compose(
                [transforms.Pad(2), transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
            )

    return Digits()
