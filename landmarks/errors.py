"""The errors that end a command: one sentence that names the place and the remedy, and an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class LandmarksError(Exception):
    """Something failed while doing what was asked (exit code 1)."""

    exit_code = 1


class UsageError(LandmarksError):
    """What was asked cannot be done as written: a wrong name, key, type or value (exit code 2)."""

    exit_code = 2


class NotFinite(LandmarksError):
    """A value of a run is infinite or no number: what was asked of it has diverged, and would again."""


class Damaged(LandmarksError):
    """What a run has written can no longer be read, so that it cannot go on."""


class Lost(LandmarksError):
    """Another of the processes that make a run together has ended, so that this one cannot go on."""


class Interrupted(LandmarksError):
    """A signal ended the run after its state was saved (exit code 128 + signal)."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal

    def __reduce__(self) -> tuple[type[Interrupted], tuple[str, int]]:  # to be sent by another process
        return type(self), (str(self), self.exit_code - 128)


@contextmanager
def writing(path: Path, remedy: str) -> Iterator[None]:
    """Write a file within it: raises LandmarksError, which says what to do, where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise LandmarksError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error


def nearest(word: str, known: Iterable[str]) -> str:
    """“ (did you mean X?)” for the known word most like `word`, or an empty string where none is."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
