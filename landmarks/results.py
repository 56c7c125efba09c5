"""A run as Python sees it: what `landmarks.run` and `landmarks.load` return."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from landmarks import runs

if TYPE_CHECKING:
    from torch import Tensor

    from landmarks.answers import Prediction
    from landmarks.milestone import Milestone


class Curve(NamedTuple):
    """What the log says of one name: the step and the epoch of each value."""

    step: list[int]
    epoch: list[int]
    value: list[float]


class Run:
    """A run's folder, read when asked. Everything is as the run left it; nothing here changes a file but `resume`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The milestone."""
        return str(self.config["milestone"])

    @property
    def status(self) -> str:
        """finished, running, interrupted, failed or killed."""
        return str(runs.summary(self.folder)["status"])

    @property
    def result(self) -> str:
        """The sentence with which a finished run ends; else its status."""
        return str(self.summary.get("result") or self.status)

    @property
    def summary(self) -> dict[str, Any]:
        """`summary.json`: seed, scale, steps, seconds, device, fingerprint, metrics."""
        return runs.summary(self.folder)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each name; errors and accuracies are fractions."""
        found: dict[str, float] = self.summary.get("metrics", {})
        return found

    @property
    def cpu_seconds(self) -> float:
        """What it took of a CPU core, however much others had of it beside; of an older run by the clock."""
        summary = self.summary
        return float(summary.get("cpu_seconds", summary["seconds"]))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as composed."""
        from landmarks import config

        return config.from_yaml((self.folder / "config.yaml").read_text())

    @property
    def curves(self) -> dict[str, Curve]:
        """Every logged name, e.g. `curves["test/error"].value` against `.epoch`."""
        found: dict[str, Curve] = {}
        for line in runs.read_metrics(self.folder):
            for name, value in line.items():
                if "/" in name:
                    curve = found.setdefault(name, Curve([], [], []))
                    curve.step.append(line["step"])
                    curve.epoch.append(line["epoch"])
                    curve.value.append(value)
        return found

    @property
    def figures(self) -> dict[str, Path]:
        """Name → PNG file."""
        return {path.stem: path for path in sorted((self.folder / "figures").glob("*.png"))}

    def model(self) -> Milestone:
        """The trained model, a `torch.nn.Module` in evaluation mode on the CPU. Raises LandmarksError if unfinished."""
        from landmarks import assemble

        return assemble.load_model(self.folder)

    def evaluate(self, *overrides: str) -> dict[str, float]:
        """Measure the trained model anew, on other data with `data.…` overrides. Raises LandmarksError."""
        from landmarks import answers

        return answers.evaluate(self.folder, overrides)

    def predict(self, *files: str | Path) -> list[Prediction]:
        """The class of each picture or row of a table. Raises LandmarksError where the model is no classifier."""
        from landmarks import answers

        return answers.predict(self.folder, [str(file) for file in files])

    def sample(self, n: int = 64, seed: int = 0) -> Tensor:
        """`n` samples of the generator alone: pictures (n, height, width) in [0, 1], or points (n, 2).

        Raises LandmarksError where the run is not finished, UsageError where it has no generator.
        """
        from landmarks import sampling

        return sampling.sample(self.folder, n, seed)

    def export(self, path: str | Path) -> Path:
        """Write the network's weights as safetensors for other programs. Raises LandmarksError, UsageError."""
        from landmarks import answers, weights

        name, classes = f"{self.folder.parent.name}/{self.folder.name}", answers.described(self.folder)["classes"]
        return weights.export(self.model(), name, classes, Path(path))

    def resume(self, *overrides: str, quiet: bool = False) -> Run:
        """Go on after a stop, or longer (`epochs=40`). Raises LandmarksError."""
        from landmarks import execute

        return Run(execute.resume(self.folder, overrides, quiet))

    def __repr__(self) -> str:
        return f"{self.folder}: {self.result}"

    def _repr_html_(self) -> str:
        """In a notebook: the result and the pictures."""
        return f"<p>{html.escape(repr(self))}</p>" + pictures(self.figures)


def pictures(figures: Mapping[str, Path]) -> str:
    """Pictures as HTML that needs no file, side by side where there is room."""
    import base64

    return "".join(
        f'<img alt="{html.escape(name)}" style="display:inline-block;max-width:100%;max-height:20em"'
        f' src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        for name, path in figures.items()
    )


def load(folder: str | Path, root: str) -> Run:
    """The run that a path, a unique ending of one, or `last` names. Raises UsageError."""
    return Run(runs.find(str(folder), root))
