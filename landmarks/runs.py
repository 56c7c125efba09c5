"""A run's folder and life: create, lock, describe, find, list."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from landmarks import catalog
from landmarks.errors import LandmarksError, UsageError

NUMERICS = ("torch", "kind", "threads", "processes")
"""What of `environment.json` decides the bits of a run."""
NOT_BIT_FOR_BIT = "the run will not end bit for bit as it would have"
LOGGING = ("log_every", "checkpoint_every", "keep_checkpoints", "histograms", "figures")
"""What changes no number. How often a run is measured does: that is when it may end."""
READING = ("root", "verify", "in_memory", "workers")
"""Where data lie and how they are read, which changes no number either."""
PLACES = ("runs", "device", *LOGGING, *(f"data.{key}" for key in READING))
"""All that changes no number, as keys are typed."""
CODE = (":/landmarks", ":/configs")
"""Where in a clone everything lies that a run is made by."""
FILES = ("config.yaml", "overrides.txt", "environment.json")
"""What a run writes before it trains."""
Revisions = tuple[int, int]
"""Those of the milestone and of the loop, raised by hand when a change of the code changes numbers."""


def create(runs: str, name: str) -> Path:
    """Make `runs/NAME/STAMP[-i]`. Raises LandmarksError where it cannot be written."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for attempt in range(1000):
        folder = Path(runs) / name / (f"{stamp}-{attempt}" if attempt else stamp)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise LandmarksError(f"{folder}: a file is in the way; choose another folder with runs=DIR") from None
            continue
        except OSError as error:
            raise LandmarksError(
                f"{Path(runs).absolute()}: the runs folder cannot be written ({error.strerror});"
                " choose another with runs=DIR"
            ) from error
        return folder
    raise LandmarksError(f"{runs}/{name}: a thousand runs started within this second; start again")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder alone. Raises LandmarksError where another process has it, or it cannot be written."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0.3)  # `landmarks runs` holds it for a moment when it looks
    except Timeout:
        raise LandmarksError(f"{folder}: another process is at work on this run; wait for it or stop it") from None
    except OSError as error:
        raise LandmarksError(f"{folder}: cannot be written ({error.strerror}); make it writable") from error
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process is at work on this run."""
    try:
        with locked(folder):
            return False
    except LandmarksError:
        return os.access(folder, os.W_OK)


def all_runs(runs: str) -> list[Path]:
    """Every run below `runs`, oldest first."""
    return sorted(filter(is_run, Path(runs).glob("*/*")), key=_age)


def is_run(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def _age(folder: Path) -> tuple[str, int, str]:
    """Stamp and number of a folder's name; one that was renamed counts as old."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)(?:-(\d+))?", folder.name)
    return (found[1], int(found[2] or 0), folder.parent.name) if found else ("", 0, folder.as_posix())


def find(text: str, runs: str) -> Path:
    """The run that RUN names: a path, a unique ending of one, or `last`. Raises UsageError."""
    if is_run(Path(text)):
        return Path(text)
    known = all_runs(runs)
    if not known:
        raise UsageError(f"{runs}: there is no run in this folder; `landmarks run mlp_xor` makes one")
    if text == "last":
        return known[-1]
    matches = [folder for folder in known if folder.as_posix().endswith(text.rstrip("/"))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"{text}: {len(matches)} runs end so ({matches[-2]}, {matches[-1]}, …); give more of the name")
    raise UsageError(f"{text}: no run of that name in {runs}; `landmarks runs` lists them")


def summary(folder: Path) -> dict[str, Any]:
    """A run's `summary.json`; where there is none yet, or a process is at work, what can be told without it.

    The status is finished, running, interrupted, failed or killed; with `diverged` a run has failed as a value was no
    longer finite.
    """
    found: dict[str, Any] = {"milestone": folder.parent.name, "status": "killed"}
    with contextlib.suppress(OSError, ValueError, TypeError):  # not there, or damaged: as if it were not there
        found |= json.loads((folder / "summary.json").read_text())
    return found | {"status": "running"} if found["status"] != "finished" and is_locked(folder) else found


@cache
def leave_out(folder: Path) -> None:
    """Say on stderr, once, that a run cannot be read and counts for nothing."""
    print(
        f"landmarks: {folder}: damaged, or of an older version, so it counts for nothing", file=sys.stderr, flush=True
    )


def weights(folder: Path) -> Path:
    """The file with a finished run's weights. Raises LandmarksError."""
    status, path = summary(folder)["status"], folder / "model.safetensors"
    if status != "finished" or not path.is_file():
        raise LandmarksError(
            f"{folder}: this run is not finished ({status}); `landmarks resume {folder}` goes on with it"
        )
    return path


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`, none before it has any. A last line cut short by a kill is left out."""
    try:
        with (folder / "metrics.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def environment(
    device: Mapping[str, Any], data: str, checksum: str, fingerprint: str, revisions: Revisions
) -> dict[str, Any]:
    """What a sceptic would ask of the place where a run was made: the content of `environment.json`.

    `data` is the name of the set that was found, `date` the day of the run's start.
    """
    from importlib.metadata import version

    packages = ("torchvision", "hydra-core", "numpy", "tensorboard")
    return {
        "landmarks": version("landmarks"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **device,
        **{package: version(package) for package in packages},
        **state_of_code(),
        "data": checksum,
        "data_name": data,
        "fingerprint": fingerprint,
        "revisions": revisions,
    }


def fingerprint(tree: Mapping[str, Any], checksum: str, kind: str, revisions: Revisions) -> str:
    """What makes two runs the same: configuration without paths and logging, data, device kind, revisions.

    A key that was added later counts where its value is not the one that stands for what was done before.
    """
    kept = {key: value for key, value in tree.items() if key not in ("init", *PLACES)}
    kept["data"] = {key: value for key, value in tree["data"].items() if f"data.{key}" not in PLACES}
    for key, before in catalog.milestone_class(tree["milestone"]).added.items():
        group, _, name = key.partition(".")
        if kept.get(group, {}).get(name, before) == before:
            kept[group] = {other: value for other, value in kept[group].items() if other != name}
    text = json.dumps([kept, checksum, kind, revisions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def states_of_code(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `state_of_code` said at a run's start, and at each resume."""
    return [dict(environment), *environment.get("resumed", [])]


def overrides(folder: Path) -> list[str]:
    """What was typed for a run, as its file has it, one a line."""
    return [line for line in (folder / "overrides.txt").read_text().split("\n") if line]


def typed(words: Iterable[str]) -> list[str]:
    """The overrides that make a run what it is, the last of each key."""
    last = {word.partition("=")[0].lstrip("+"): word for word in words}
    return [word for key, word in last.items() if key not in PLACES]


def state_of_code() -> dict[str, Any]:
    """What runs here today: `commit`, whether files were changed (`dirty`) before or since they were loaded, `date`.

    Outside a clone there is no commit, and files are compared with the checksums of the package that was installed;
    `dirty` is None where neither is known.
    """
    commit, dirty = loaded()
    now, dirty_now = _commit()
    changed = dirty_now != dirty or (now != commit and not _alike(commit, now))
    return {"commit": commit, "dirty": changed or dirty, "date": datetime.now().date().isoformat()}


@cache
def loaded() -> tuple[str | None, bool | None]:
    """`commit` and `dirty` as they were when this was first asked, which whatever trains does as it is imported."""
    return _commit()


def _commit() -> tuple[str | None, bool | None]:
    try:
        if Path(_git("rev-parse", "--show-toplevel")) == Path(__file__).parent.parent:
            return _git("rev-parse", "HEAD"), bool(_git("status", "--porcelain", "--", *CODE))
    except (OSError, subprocess.CalledProcessError):
        pass
    return None, _changed()


def _alike(commit: str | None, other: str | None) -> bool:
    """Whether two commits have the same code."""
    try:
        return not _git("diff", "--name-only", str(commit), str(other), "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return False


def _git(*words: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _changed() -> bool | None:
    """Whether a file of the installed package is not as it was built; None where the package has no list of them."""
    from base64 import urlsafe_b64encode
    from importlib.metadata import files

    listed = [path for path in files("landmarks") or () if path.parts[0] == "landmarks" and path.hash]
    if not any(path.name == "runs.py" for path in listed):
        return None

    def digest(data: bytes) -> str:
        return urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")

    try:
        return any(path.hash and digest(path.read_binary()) != path.hash.value for path in listed)
    except OSError:
        return True
