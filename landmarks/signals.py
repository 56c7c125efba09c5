"""Ctrl-C and SIGTERM as a wish that is heard between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

from landmarks import ranks


class Signals:
    """Within `with`, SIGINT and SIGTERM are noted in `asked` (0: none); a second SIGINT raises KeyboardInterrupt.

    One of several processes notes them in `heard`, for they must stop at the same step; `agree` makes `asked` of it.
    """

    def __init__(self) -> None:
        self.asked = self.heard = 0

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

    def agree(self, seconds: float) -> int:
        """Hear what the other processes have heard; how many steps of `seconds` to make until the next time."""
        asked, slowest = ranks.largest(self.heard, seconds)
        self.asked = int(asked)
        return int(min(max(ranks.STRETCH / max(slowest, 1e-9), 1), 1000))

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.heard = number
        if ranks.world > 1:  # no second wish: torchrun passes on what the terminal may have sent to all
            return
        if self.asked == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.asked = number
