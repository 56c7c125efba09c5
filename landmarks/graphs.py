"""A step as one CUDA graph: what small networks spend on starting operators one by one, they spend once.

Everything of a step is captured – augmentation, forward, backward, optimiser, the sums of its scalars – and started
again for every batch of the same shape. What cannot be captured goes on operator by operator, after one warning.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor

from landmarks.milestone import KEPT, Batch, Milestone

WARM = 3
"""Steps before the capture: libraries choose their ways and take their memory in the first ones."""
Step = Callable[[Batch], None]


class Backend(Protocol):
    """How a device captures work."""

    def warm(self) -> AbstractContextManager[None]:
        """Where the steps before a capture run."""
        ...

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record `work` without doing it; returns what does it. Raises RuntimeError where it cannot be."""
        ...


class Cuda:
    """Graphs of CUDA. What is drawn in them goes on from torch's default generator, as it would without."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream = device, torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def warm(self) -> Iterator[None]:
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            yield
        torch.cuda.current_stream(self.device).wait_stream(self.stream)

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.device)
        generator = torch.cuda.default_generators[torch.cuda._utils._get_device_index(self.device, optional=True)]
        before = generator.get_state()
        try:
            # Of this thread alone: another one may be pinning the memory of pictures meanwhile.
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                work()
        except RuntimeError as error:
            torch.cuda.set_stream(current)  # which torch leaves out where the end of a capture fails, too
            fresh = torch.Generator(self.device)  # the generator's own state may still wait for the capture to end
            fresh.set_state(before)
            generator.graphsafe_set_state(fresh)
            raise RuntimeError(str(error.__context__ or error)) from error
        return graph.replay


class Captured:
    """Makes steps: the first few as they are, the others as one graph, where `step` allows it.

    The last, shorter batch of an epoch and steps whose gradients are watched are always made as they are.
    """

    def __init__(self, step: Step, milestone: Milestone, backend: Backend, warn: Callable[[str], None]) -> None:
        self.step, self.milestone, self.backend, self.warn = step, milestone, backend, warn
        self.made = 0
        self.place: Batch | None = None
        self.given: Batch | None = None
        self.replay: Callable[[], None] | None = None
        self.known: dict[str, int] = {}
        self.refused = False

    def __call__(self, batch: Batch) -> None:
        if self.refused or self.milestone.watching or not self._fits(batch):
            self.step(batch)
            return
        if self.made < WARM:
            with self.backend.warm():
                self.step(batch)
            self.made += 1
            return
        if self.replay is None:
            self._capture()
        if self.replay is None:
            self.step(batch)
            return
        self._put(batch)
        self.replay()

    def begin_epoch(self) -> None:
        """Capture anew where the milestone works on other tensors than it did."""
        if self.replay is not None and self.known != tensors(self.milestone):
            self.replay = None

    def _fits(self, batch: Batch) -> bool:
        if self.place is None or (self.replay is None and batch.x.numel() > self.place.x.numel()):
            self.place = Batch(*(part.clone() for part in batch))  # a run may go on with the last batch of an epoch
        return all(here.shape == part.shape for here, part in zip(self.place, batch, strict=True))

    def _put(self, batch: Batch) -> None:
        """Copy a batch to where the graph reads, unless it lies there already."""
        assert self.place is not None
        for i, part in enumerate(batch):
            if self.given is None or self.given[i] is not part:
                self.place[i].copy_(part)
        self.given = batch

    def _capture(self) -> None:
        place = self.place
        assert place is not None
        self.known, self.given = tensors(self.milestone), None
        memory, attributes = dict(self.milestone.memory), own(self.milestone)
        try:
            self.replay = self.backend.capture(lambda: self.step(place))
            if anew := [name for name, where in tensors(self.milestone).items() if self.known.get(name) != where]:
                raise RuntimeError(f"{anew[0]} is made anew in it")
        except RuntimeError as error:
            self.replay, self.refused = None, True
            self.milestone.memory = memory  # what a capture has made was never filled
            for name, tensor in attributes.items():
                setattr(self.milestone, name, tensor)
            self.warn(f"steps go on one operator at a time: they make no CUDA graph ({str(error).splitlines()[0]})")


def own(milestone: Milestone) -> dict[str, Tensor]:
    """The tensors among a milestone's plain attributes."""
    return {name: value for name, value in vars(milestone).items() if isinstance(value, Tensor)}


def tensors(milestone: Milestone) -> dict[str, int]:
    """Where the tensors lie that a step may use: parameters, buffers, attributes, and `memory` but kept weights."""
    held: dict[str, Tensor] = {**dict(milestone.named_parameters()), **dict(milestone.named_buffers())}
    held |= {f"memory[{name}]": kept for name, kept in milestone.memory.items() if not name.startswith(KEPT)}
    held |= own(milestone)
    return {name: tensor.data_ptr() for name, tensor in held.items()}
