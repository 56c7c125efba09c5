"""Ctrl-C and SIGTERM as a wish that is heard between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Signals:
    """Within `with`, SIGINT and SIGTERM are noted in `asked` (0: none); a second SIGINT raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = 0

    def __enter__(self) -> Signals:
        here = threading.current_thread() is threading.main_thread()  # elsewhere Python allows no handlers
        numbers = (signal.SIGINT, signal.SIGTERM) if here else ()
        self.before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.asked = number
