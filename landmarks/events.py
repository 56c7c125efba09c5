"""What a run writes for TensorBoard beside its scalars: what `landmarks board` sets together (`landmarks/board.py`)."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from torch import Tensor

from landmarks import config, measures, runs
from landmarks.claims import Claim
from landmarks.parts import tiles

LOOKED_AT = ("test", "valid", "train_set")
"""The splits that are measured, as the log names them."""
SPLITS = ("train/", *(f"{split}/" for split in LOOKED_AT))
"""How the names begin of what belongs into a chart."""


class Contrasts:
    """A run's curves once more under names that only runs of the same milestone share, and the published value.

    A chart of Custom Scalars takes its curves by name out of every run, and those of another milestone do not belong
    beside them. `claim`: what the paper prints for this run; a contrast prints a lead, which is no line.
    """

    def __init__(self, milestone: str, claim: Claim | None) -> None:
        self.milestone = milestone
        self.claim = claim if claim and claim.built and not claim.two_arms else None
        self.shared: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        """Of each kind of line the names that stand once more, and as what."""

    def values(self, phase: str, values: Mapping[str, float]) -> Iterator[Summary.Value]:
        """What a line of the log adds."""
        names = tuple(values)
        if names not in self.shared:
            shared = [name for name in names if name.startswith(SPLITS) and not measures.of_one_replica(name)]
            self.shared[names] = [(name, f"{self.milestone}/{name}") for name in shared]
        for name, tag in self.shared[names]:
            yield Summary.Value(tag=tag, simple_value=values[name])
        claim = self.claim
        if claim and claim.metric in values and phase != "end":
            tag = f"{self.milestone}/{claim.metric} {claim.line}"
            yield Summary.Value(tag=tag, simple_value=claim.published)


def trial(tree: Mapping[str, Any]) -> Summary:
    """The start of a trial, for HParams: a run's configuration without paths and logging, keys as on a command line."""
    info = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for key, value in settings(tree).items():
        given = info.hparams[key]
        if key == "seed":
            given.string_value = str(value)  # a name, not an amount: TensorBoard would print 1.0000
        elif isinstance(value, bool):
            given.bool_value = value
        elif isinstance(value, (int, float)):
            given.number_value = value
        else:
            given.string_value = value if isinstance(value, str) else json.dumps(value)
    return _hparams(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=info))


def settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as `{"model.hidden": 2, …}`, without paths, logging, and what is null."""
    return {key: value for key, value in config.flat(tree).items() if value is not None and key not in runs.PLACES}


def experiment(columns: api_pb2.Experiment) -> Summary:
    """Which settings and metrics HParams shows."""
    return _hparams(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=columns))


def ended() -> Summary:
    """The end of a trial that has finished; its metrics are the last values of the run's scalars."""
    info = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
    return _hparams(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=info))


def _hparams(tag: str, content: plugin_data_pb2.HParamsPluginData) -> Summary:
    plugin = metadata.create_summary_metadata(content)
    return Summary(value=[Summary.Value(tag=tag, metadata=plugin, tensor=metadata.NULL_TENSOR)])


def picture(name: str, shown: Tensor) -> Summary:
    """Tiles (n, h, w) or (n, 3, h, w) in [0, 1] as one picture."""
    grid, file, grey = tiles.sheet(shown), io.BytesIO(), shown.ndim == 3
    Image.fromarray((grid[0] if grey else grid.permute(1, 2, 0)).numpy()).save(file, "PNG")
    _, height, width = grid.shape
    colours = 1 if grey else 3
    image = Summary.Image(height=height, width=width, colorspace=colours, encoded_image_string=file.getvalue())
    return Summary(value=[Summary.Value(tag=name, image=image)])
