"""Benchmarks: what the shared loop costs, each figure a ratio inside one process (ABBA order, median of the rounds).

    python scripts/bench.py loop|pictures [--rounds 7] [--json FILE]

A ratio is ours / reference; the shared loop writes its whole log while it is timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from landmarks import config, data, execute, loop
from landmarks import device as devices
from landmarks.checkpoint import Checkpoints
from landmarks.logger import Console, Logger
from landmarks.milestone import Batch, Data, Milestone
from landmarks.signals import Signals

Work = Callable[[], float]
"""Does a stretch of training and returns the seconds that it took."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    arguments = parser.parse_args()
    rows = []
    print(f"{'ours / reference':58}{'ratio':>8}{'range':>16}{'target':>9}  reached")
    for name, target, ours, reference in GROUPS[arguments.group]():
        ratios = [_pair(ours, reference, swap=bool(i % 2)) for i in range(arguments.rounds)]
        ratio, low, high = statistics.median(ratios), min(ratios), max(ratios)
        rows.append(
            {"name": name, "ratio": ratio, "low": low, "high": high, "target": target, "reached": ratio <= target}
        )
        print(
            f"{name:58}{ratio:8.3f}{low:8.3f}–{high:.3f}{target:9.2f}  {'yes' if ratio <= target else 'no'}", flush=True
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    return 0


def loop_rows() -> list[tuple[str, float, Work, Work]]:
    """The shared loop with its log on against a bare hand-written loop of the same network, data in memory."""
    whole = ("optimizer.name=sgd", "optimizer.lr=0.01")
    plain = ("replicas=1", "epochs=3000", "criterion.tolerance=0.001")
    return [
        ("LeNet, batch 128, an epoch", 1.15, *_lenet("batch_size=128", *whole)),
        ("LeNet, batch 16, an epoch", 1.15, *_lenet("batch_size=16", *whole)),
        ("LeNet-5 of 1998, one pattern an update, an epoch", 1.15, *_lenet()),
        ("XOR, one network, 3,000 sweeps", 1.15, *_shared_and_bare("mlp_xor", *plain)),
    ]


def picture_rows() -> list[tuple[str, float, Work, Work]]:
    """ResNet-20 as the paper trains it, through the shared loop, against a loop written by hand with torch alone."""
    shared, _ = _shared_and_bare("resnet", *RESNET20)
    return [("ResNet-20, batch 128, 8 steps with augmentation", 1.15, shared, _bare_resnet)]


RESNET20 = ("model.widths=[16,32,64]", "batch_size=128", "steps=8", "augmentation.mirror=true")


def _bare_resnet() -> float:
    """The same network under torch's own SGD: pictures in memory, shuffled, padded, cut out, mirrored."""
    composed = config.compose("resnet", RESNET20)
    milestone: Any = execute.make(composed)
    network: torch.nn.Module = milestone.network
    found = data.load(milestone.config.data).splits["train"]
    rule = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    pictures = found.x.float()
    pictures -= pictures.mean(0)
    total, padded = torch.zeros(()), torch.nn.functional.pad(pictures, [4] * 4)
    with devices.prepared(milestone.config):
        start = time.perf_counter()
        for indices in torch.split(torch.randperm(len(pictures)), 128)[: milestone.config.steps]:
            places, turned = torch.randint(0, 9, (len(indices), 2)).tolist(), torch.rand(len(indices)) < 0.5
            chosen = zip(indices.tolist(), places, strict=True)
            x = torch.stack([padded[i, :, top : top + 32, left : left + 32] for i, (top, left) in chosen])
            x = torch.where(turned[:, None, None, None], x.flip(3), x)
            loss: Any = torch.nn.functional.cross_entropy(network(x), found.y[indices])
            rule.zero_grad()
            loss.backward()
            rule.step()
            total += loss.detach()
        assert torch.isfinite(total)
        return time.perf_counter() - start


def _lenet(*overrides: str) -> tuple[Work, Work]:
    return _shared_and_bare("lenet", "epochs=1", *overrides)


def _shared_and_bare(name: str, *overrides: str) -> tuple[Work, Work]:
    composed = config.compose(name, ["histograms=false", "eval_every=1000000", *overrides])
    found = data.load(execute.make(composed).config.data)

    def shared() -> float:
        milestone = execute.make(composed)
        settings: Any = milestone.config
        device = devices.resolve(settings.device)
        with devices.prepared(settings), tempfile.TemporaryDirectory() as place:
            logger = Logger(Path(place), Console(quiet=True))
            training = loop.Loop(milestone, found, settings, device, logger, Checkpoints(Path(place), 1), Signals())
            training._measure = lambda *splits: {}  # type: ignore[method-assign]  # training alone is compared
            training._save = lambda: None  # type: ignore[method-assign]
            start = time.perf_counter()
            training.run()
            elapsed = time.perf_counter() - start
            logger.close()
        return elapsed

    def bare() -> float:
        milestone = execute.make(composed)
        settings: Any = milestone.config
        with devices.prepared(settings):
            return _bare(milestone, found)

    return shared, bare


def _bare(milestone: Milestone, found: Data) -> float:
    """The loop as one writes it by hand for one network: shuffle, slice, step, add up the loss."""
    (phase,) = milestone.phases()
    milestone.phase = phase
    x, y = found.splits["train"]
    size = phase.batch_size or len(x)
    rate = phase.schedules["main"](0.0)
    phase.optimizers["main"].param_groups[0]["lr"].fill_(rate)
    start = time.perf_counter()
    total = torch.zeros(())
    milestone.begin_epoch(found)
    for _ in range(phase.epochs or 0):
        if milestone.replicated:
            total += milestone.step(Batch(x[None], y[None]))["loss"].detach()
            continue
        order = torch.randperm(len(x))
        shuffled, labels = x[order], y[order]
        for i in range(0, len(x), size):
            total += milestone.step(Batch(shuffled[i : i + size], labels[i : i + size]))["loss"].detach()
    assert torch.isfinite(total)
    return time.perf_counter() - start


def _pair(ours: Work, reference: Work, swap: bool) -> float:
    """One paired ratio, ABBA: (A + A') / (B + B')."""
    first, second = (reference, ours) if swap else (ours, reference)
    times = [first(), second(), second(), first()]
    outer, inner = times[0] + times[3], times[1] + times[2]
    return inner / outer if swap else outer / inner


GROUPS = {"loop": loop_rows, "pictures": picture_rows}

if __name__ == "__main__":
    sys.exit(main())
