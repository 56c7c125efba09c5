"""From a configuration, composed or stored with a run, to a milestone: untrained, or with a run's weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from landmarks import catalog, config, data, runs
from landmarks.claims import Study
from landmarks.errors import Damaged, LandmarksError, UsageError, nearest
from landmarks.milestone import Milestone, Sampler
from landmarks.settings import Settings, build


def make(composed: config.Composed) -> Milestone:
    """The milestone of a composed configuration, on the CPU. Raises UsageError for what does not go together."""
    return catalog.milestone_class(composed.tree["milestone"])(complete(composed))


def complete(composed: config.Composed) -> Settings:
    """The typed configuration, in which nothing that files of one's own tell is left open; written into the tree."""
    composed.tree["data"] |= data.discover(settings_of(composed).data)
    return settings_of(composed)


def settings_of(composed: config.Composed) -> Settings:
    """The typed configuration. Raises UsageError for a value out of range."""
    cls = catalog.milestone_class(composed.tree["milestone"])
    settings: Settings = build(cls.Config, composed.tree, composed.origin)
    if settings.replicas > 1 and not (cls.replicated or cls.replicable):
        raise UsageError(
            f"{composed.origin('replicas')}: {settings.milestone} trains one network a run, so replicas must be 1;"
            " use `-m seed=0,1,2`"
        )
    return settings


def study_of(composed: config.Composed) -> Study | None:
    """The study, many runs, of which a configuration is what all of them share."""
    studies = catalog.milestone_class(composed.tree["milestone"]).card.studies
    return next((study for study in studies if study.name == composed.tree["experiment"]), None)


def load_model(folder: Path) -> Milestone:
    """The trained milestone of a finished run, in evaluation mode, on the CPU. Raises LandmarksError."""
    path, composed = _trained(folder)
    try:
        milestone = make(composed)
    except UsageError as error:
        raise _of_another_version(folder, error) from error
    _fill(milestone, path)
    return milestone.eval()


def load_sampler(folder: Path) -> Sampler:
    """The trained generator of a finished run, on the CPU: nothing else is built, no other weight read.

    Raises LandmarksError, or UsageError where the milestone generates nothing.
    """
    path, composed = _trained(folder)
    sampler = catalog.milestone_class(composed.tree["milestone"]).sampler(settings_of(composed))
    _fill(sampler, path, sampler.prefix)
    return sampler


def _trained(folder: Path) -> tuple[Path, config.Composed]:
    """Weights and configuration of a finished run. Raises LandmarksError."""
    path = runs.weights(folder)
    tree, past = as_stored(folder)
    return path, config.Composed(tree, tuple(past))


def _fill(module: Milestone | Sampler, path: Path, prefix: str = "") -> None:
    """Load those weights whose names begin with `prefix`. Raises LandmarksError where they are of another network."""
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            module.load_state_dict({name.removeprefix(prefix): file.get_tensor(name) for name in names})
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise LandmarksError(f"{path}: not the weights of this network ({reason}); make the run anew") from error


def stored(folder: Path, overrides: Sequence[str], allowed: Sequence[str], why: str) -> config.Composed:
    """The configuration of a run with other values for some keys.

    Raises UsageError for a key that is not `allowed` (`why` says so) or a wrong type, Damaged for a damaged one.
    """
    tree, past = as_stored(folder)
    for override in overrides:
        key, sign, text = override.partition("=")
        if key not in allowed or not sign:
            raise UsageError(
                f"override {override}: {why}; KEY=VALUE may change only {', '.join(allowed)}{nearest(key, allowed)};"
                " start another run for the rest"
            )
        *path, last = key.split(".")
        (tree[path[0]] if path else tree)[last] = config.from_yaml(f"value: {config.quoted(text)}")["value"]
    return config.checked(tree, [*past, *overrides])


def as_stored(folder: Path) -> tuple[config.Tree, list[str]]:
    """What a run was started with: configuration and overrides.

    Raises Damaged where they are that, or another version of landmarks has written them.
    """
    try:
        tree = config.from_yaml((folder / "config.yaml").read_text())
        if not {"milestone", "data", "epochs", "steps"} <= tree.keys():
            raise UsageError("cut short")
        for key, before in catalog.milestone_class(tree["milestone"]).added.items():
            group, _, name = key.partition(".")
            tree[group].setdefault(name, before)
        past = runs.overrides(folder)
    except (UsageError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise Damaged(f"{folder}/config.yaml: damaged, so this run cannot go on; start it anew") from error
    try:
        settings_of(config.Composed(tree, tuple(past)))
    except UsageError as error:
        raise _of_another_version(folder, error) from error
    return tree, past


def _of_another_version(folder: Path, error: UsageError) -> Damaged:
    return Damaged(f"{folder}: a run of another version of landmarks ({error}); make it anew")


def beginning(folder: Path, checksum: str) -> dict[str, Any]:
    """What `environment.json` says of a run's start. Raises Damaged, or LandmarksError where the data are others."""
    try:
        then: dict[str, Any] = json.loads((folder / "environment.json").read_text())
        same = then["data"] == checksum
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{folder}/environment.json: damaged, so this run cannot go on; start it anew") from error
    if not same:
        raise LandmarksError(
            f"{folder}: the data are not those of the run's start; put them back (data.root, data.name)"
        )
    return then
