"""Composition by Hydra, and the checks that need no torch: names, keys and primitive types.

`compose` gives the tree of one run; `launch` hands over to Hydra itself where its own flags are used (`-m`, `--cfg`).
"""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from landmarks import catalog
from landmarks.errors import UsageError, nearest
from landmarks.settings import KINDS

Tree = dict[str, Any]


def folder() -> Path:
    """Where the YAML files are: beside the package in a clone, inside it in a wheel."""
    package = Path(__file__).parent
    return package / "configs" if (package / "configs").is_dir() else package.parent / "configs"


@dataclass(frozen=True)
class Composed:
    """The configuration of one run as composed, with the overrides that were given."""

    tree: Tree
    overrides: tuple[str, ...]

    def origin(self, key: str) -> str:
        """Where a key's value comes from: the override as typed, or the file that sets it last."""
        key = key.split("[")[0]
        for override in reversed(self.overrides):  # the last one holds
            if key_of(override) == key or key.startswith(key_of(override) + "."):
                return f"override {override}"
        for path in _files(self.tree):
            if _has(_read(path), key):
                return f"configs/{path.relative_to(folder()).as_posix()}"
        return "configs"


def experiments(name: str) -> list[str]:
    """The names of a milestone's experiments."""
    return sorted(path.stem for path in (folder() / "experiment" / name).glob("*.yaml"))


def compose(name: str, overrides: Sequence[str] = ()) -> Composed:
    """Compose one run. Raises UsageError for a wrong milestone, scale, experiment, key or type."""
    for override in overrides:
        if not isinstance(override, str):
            raise UsageError(f'override {override!r}: write a text, "KEY=VALUE"')
    files, asked = [f"milestone={name}", *check_names(name, overrides)], hydra_overrides(name, overrides)
    base = _compose(files)
    check_keys(base, overrides)
    return checked(base if asked == files else _compose(asked), overrides, base)


def tree(name: str, overrides: Sequence[str]) -> Tree:
    """What `compose` gives for many overrides that are known to be right: it reads the same files only once."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    words = hydra_overrides(name, overrides)
    groups = [word for word in words if key_of(word) in ("milestone", "scale", "experiment")]
    found = copy.deepcopy(_of_files(folder(), *groups))
    for override in OverridesParser.create().parse_overrides([word for word in words if word not in groups]):
        OmegaConf.update(found, override.key_or_group, override.value(), merge=True)
    return container(found)


def checked(tree: Tree, overrides: Sequence[str], base: Tree | None = None) -> Composed:
    """A composed tree whose values have the types of the files' own values (`base`). Raises UsageError."""
    composed = Composed(tree, tuple(overrides))
    if base is None:
        groups = [f"{group}={value}" for group, value in _groups(tree).items()]
        base = _compose([f"milestone={tree['milestone']}", *groups])
    _check_types(base, tree, composed)
    return composed


def check_names(name: str, overrides: Sequence[str]) -> list[str]:
    """Check milestone, scale and experiment against the files; return the overrides that choose files."""
    catalog.find(name)
    groups = []
    for override in overrides:
        key, value = key_of(override), override.partition("=")[2]
        if key == "milestone":
            raise UsageError(f"override {override}: the milestone is the word after the verb: landmarks run {value}")
        if key not in ("scale", "experiment") or "=" not in override:
            continue
        known = (
            experiments(name) if key == "experiment" else sorted(p.stem for p in (folder() / "scale").glob("*.yaml"))
        )
        for choice in value.split(","):
            if choice.removeprefix(f"{name}/") not in known and (key, choice) != ("experiment", "null"):
                there = ", ".join(known) or "none"
                raise UsageError(f"override {override}: {name} has no {key} {choice}{nearest(choice, known)} ({there})")
        groups.append(hydra_overrides(name, [f"{key}={value.split(',')[0]}"])[1])
    return groups


def check_keys(base: Tree, overrides: Sequence[str]) -> None:
    """Check that each override names a key that the files have. Raises UsageError with the nearest one."""
    known = [*_keys(base)]
    for override in overrides:
        key = key_of(override)
        if is_hydras(key) or key.split("@")[0] in ("scale", "experiment"):
            continue
        if "=" not in override:
            hint = "" if key in known else nearest(key, known)
            raise UsageError(f"override {override}: write KEY=VALUE{hint}")
        if key not in known:
            raise UsageError(f"override {override}: {base['milestone']} has no key {key}{nearest(key, known)}")


def hydra_overrides(name: str, overrides: Sequence[str]) -> list[str]:
    """The overrides as Hydra takes them: `experiment=a,b` becomes `experiment=NAME/a,NAME/b`."""
    out = [f"milestone={name}"]
    for override in overrides:
        key, sign, value = override.partition("=")
        if key == "experiment" and value != "null":
            value = ",".join(f"{name}/" + choice.removeprefix(f"{name}/") for choice in value.split(","))
        out.append(key + sign + quoted(value))
    return out


def jobs(name: str, overrides: Sequence[str], flags: Sequence[str]) -> list[Composed]:
    """The jobs of a sweep that Hydra is about to run, checked; [] where it is none. Raises UsageError."""
    check_keys(_compose([f"milestone={name}", *check_names(name, overrides)]), overrides)
    if not {"-m", "--multirun"} & {*flags} or any(o.startswith("hydra/sweeper") for o in overrides):
        return []
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(hydra_overrides(name, overrides))
    except HydraException as error:
        raise UsageError(_sentence(error)) from error
    batches = BasicSweeper.split_arguments(parsed, None)
    return [
        checked(_compose([o for o in job if not o.startswith("hydra")]), list(job[1:]))
        for batch in batches
        for job in batch
    ]


def launch(name: str, overrides: Sequence[str], flags: Sequence[str], job: Callable[[Any], Any]) -> None:
    """Let Hydra itself run `job`: sweeps, launchers, `--cfg`."""
    import hydra

    if len(chosen := {*flags} & {"-m", "--multirun", "--cfg", "-c", "--info", "-i"}) > 1:
        raise UsageError(f"{' and '.join(sorted(chosen))}: Hydra does one of them at a time")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises, we say it in a sentence
    before, sys.argv = sys.argv, ["landmarks", *flags, *hydra_overrides(name, overrides)]
    try:
        hydra.main(version_base="1.3", config_path=str(folder()), config_name="config")(job)()
    except hydra.errors.HydraException as error:
        raise UsageError(_sentence(error)) from error
    finally:
        sys.argv = before


def launch_each(
    wanted: Sequence[tuple[str, Sequence[str]]], words: Sequence[str], job: Callable[[Any], Any]
) -> list[Any]:
    """Hand a list of runs, milestone and overrides of each, to the launcher that Hydra makes of `words`.

    Returns what `job` gave for each, or the exception that it raised. Raises UsageError for an unknown launcher.
    """
    import hydra
    from hydra._internal.callbacks import Callbacks
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext, RunMode

    lists = [hydra_overrides(name, overrides) for name, overrides in wanted]
    GlobalHydra.instance().clear()
    try:
        own = Hydra.create_main_hydra2("landmarks", create_config_search_path(str(folder())))
        whole = own.compose_config("config", [lists[0][0], *words], RunMode.MULTIRUN, with_log_configuration=False)
        context = HydraContext(own.config_loader, Callbacks(whole))
        launcher = Plugins.instance().instantiate_launcher(context, job, whole)
        return [each._return_value for each in launcher.launch(lists, 0)]
    except hydra.errors.HydraException as error:
        raise UsageError(_sentence(error)) from error
    finally:
        GlobalHydra.instance().clear()


def job_overrides() -> list[str]:
    """Inside a job that Hydra launched: the overrides of this job alone, as a user would type them."""
    from hydra.core.hydra_config import HydraConfig

    task = [str(override) for override in HydraConfig.get().overrides.task]
    return [re.sub(r"^experiment=[^/]*/", "experiment=", o) for o in task if not o.startswith("milestone=")]


def flat(tree: Mapping[str, Any], prefix: str = "") -> Tree:
    """The leaves of a configuration: `{"model.hidden": 1, …}`."""
    leaves: Tree = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return leaves


def to_yaml(tree: Mapping[str, Any]) -> str:
    """A tree as YAML text, in the order of the files."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dict(tree)))


def from_yaml(text: str) -> Tree:
    """A tree out of YAML text. Raises UsageError where it is none."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        return OmegaConf.to_container(OmegaConf.create(text))  # type: ignore[return-value]
    except (OmegaConfBaseException, YAMLError) as error:
        raise UsageError(f"cannot be read as YAML: {text.strip().removeprefix('value: ')}") from error


def container(config: Any) -> Tree:
    """Hydra's configuration object as plain lists and dictionaries."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


@cache
def _of_files(_: Path, *groups: str) -> Any:
    """Hydra's configuration object of a milestone, a scale and an experiment, with its references as they stand."""
    return _composed([*groups])


def _compose(overrides: list[str]) -> Tree:
    try:
        return container(_composed(overrides))
    except ValueError as error:  # a reference to nothing
        raise UsageError(_sentence(error)) from error


def _composed(overrides: list[str]) -> Any:
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    holder = GlobalHydra.instance()
    outer = holder.hydra  # set where Hydra itself launched this job
    holder.clear()
    try:
        with hydra.initialize_config_dir(str(folder()), version_base="1.3"):
            return hydra.compose("config", overrides=overrides)
    except (hydra.errors.HydraException, ValueError) as error:
        raise UsageError(_sentence(error)) from error
    finally:
        holder.hydra = outer


def _sentence(error: Exception) -> str:
    """The first line of Hydra's message, which is the one that says what is wrong."""
    override = getattr(error, "override", None)
    line = str(error).strip().splitlines()[0]
    remedy = "; `-m` sweeps over several values" if line.startswith("Ambiguous value") else ""
    if "Could not find 'hydra/launcher/" in line:
        remedy = "; `pip install hydra-submitit-launcher` brings submitit_slurm and submitit_local"
    if line.startswith(("mismatched input", "no viable alternative", "token recognition")):
        remedy = """; a text with signs like these goes in quotes: 'KEY="VALUE"'"""
    return (f"override {override}: " if override else "") + line + remedy


def _check_types(base: Any, tree: Any, composed: Composed, prefix: str = "") -> None:
    """Compare types leaf by leaf. Null takes and gives any type: the milestone's typed `Config` looks closer."""
    for name, value in tree.items():
        key, wanted = f"{prefix}{name}", base.get(name) if isinstance(base, Mapping) else None
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            _check_types(wanted, value, composed, key + ".")
        elif wanted is not None and value is not None and not _fits(value, wanted):
            raise UsageError(f"{composed.origin(key)}: {key} must be {KINDS[type(wanted)]}, got {value!r}")


def _fits(value: Any, wanted: Any) -> bool:
    """Same types; a number for a number; and truth for a text, as `compile=auto|true|false` takes both."""
    return (
        type(value) is type(wanted)
        or (isinstance(wanted, float) and type(value) is int)
        or (isinstance(wanted, str) and type(value) is bool)
    )


def quoted(value: str) -> str:
    """A value in quotes where it has signs that Hydra takes only in a text: `a(t-1) or b(t-2)`, `a=b.csv`, `Über.csv`.

    Lists, dictionaries, sweeps and texts that are quoted already stay as they are.
    """
    if not re.search(r"[^\w/\\+.$%*@?|:,\[\]{}\"-]", value, re.ASCII) or re.match(
        r"""['"\[{]|(\w+_)?(choice|range|interval|glob|sort|shuffle|tag)\(""", value
    ):
        return value
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def key_of(override: str) -> str:
    """The key of an override: `++a.b=1` → `a.b`."""
    return override.partition("=")[0].lstrip("+~").strip()


def is_hydras(key: str) -> bool:
    """Whether it is one of Hydra's own keys: `hydra.run.dir`, `hydra/launcher`."""
    return key.split(".")[0].split("/")[0] == "hydra"


def _keys(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{name}.")


def _groups(tree: Tree) -> dict[str, str]:
    groups = {"scale": str(tree["scale"])}
    if tree["experiment"]:
        groups["experiment"] = f"{tree['milestone']}/{tree['experiment']}"
    return groups


def _files(tree: Tree) -> list[Path]:
    """The files of a composed tree, the last word first."""
    name, scale, experiment = tree["milestone"], tree["scale"], tree["experiment"]
    files = [f"scaled/{scale}/{name}", f"milestone/{name}", "config"]
    if experiment:
        files = [f"scaled/{scale}/{name}/{experiment}", files[0], f"experiment/{name}/{experiment}", *files[1:]]
    return [path for path in (folder() / f"{file}.yaml" for file in files) if path.exists()]


def _read(path: Path) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(OmegaConf.load(path))


def _has(tree: Any, key: str) -> bool:
    """Whether a file's own tree sets a key, such as `schedule[0].rate`."""
    for name in key.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return False
        tree = tree[name]
    return True
