"""Delivery in the background: what a run logs waits in memory until its store has taken it.

Whoever logs never waits, whatever the store does; this knows nothing of MLflow.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

BATCH = 1000  # the most values that MLflow takes at once
MOST_WAITING = 64  # jobs, which hold pictures and weights
SECONDS_BETWEEN_BATCHES = 2.0
SECONDS_TO_RETRY = 3.0
SECONDS_TO_FLUSH = 30.0
SECONDS_TO_FLUSH_AFTER_FAILURE = 3.0


class Value(NamedTuple):
    """A number of a run; the same value, sent twice, is one value.

    Attributes:
        name: The metric.
        number: Finite.
        time_ms: When it was taken, in milliseconds since 1970: fixed, however late it is delivered.
        step: The iteration.
    """

    name: str
    number: float
    time_ms: int
    step: int


class Delivery:
    """A thread that sends values and does jobs, in order, again and again until each has succeeded.

    Attributes:
        opened: Set once the store was opened.
        error: What the store failed with last; None while it works.
    """

    def __init__(
        self,
        open_store: Callable[[], None],
        send: Callable[[Sequence[Value]], None],
        warn: Callable[[Exception], None],
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Start opening the store.

        Args:
            open_store: Called until it succeeds, before anything else.
            send: Takes at most `BATCH` values; may get them again if it raises.
            warn: Called at the first failure after the store was opened.
            tick: Called now and then, to put values of the moment.
        """
        self.opened = threading.Event()
        self.error: Exception | None = None
        self._open_store, self._send, self._warn, self._tick = open_store, send, warn, tick
        self._values: deque[Value] = deque()
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake, self._closing, self._tried = threading.Event(), threading.Event(), threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        self._thread.start()

    def wait_until_opened(self, seconds: float) -> bool:
        """Wait until the store was opened, or could not be at the first try, or the time is over."""
        self._tried.wait(seconds)
        return self.opened.is_set()

    def put(self, values: Iterable[Value]) -> None:
        """Hand values over."""
        self._values.extend(values)

    def do(self, job: Callable[[], None]) -> None:
        """Hand over a job, to be done after the values so far; done again from its start if it raises."""
        self._jobs.append(job)
        self._wake.set()

    def do_if_up(self, job: Callable[[], None]) -> None:
        """Hand over a job that may be left out where a store that is away has left many waiting in memory."""
        if len(self._jobs) < MOST_WAITING:
            self.do(job)

    def waiting(self) -> int:
        """Count the values and jobs that are not delivered."""
        return len(self._values) + len(self._jobs)

    def finish(self) -> bool:
        """Deliver what is left, for a limited time, and stop; tell whether everything arrived."""
        seconds = SECONDS_TO_FLUSH_AFTER_FAILURE if self.error else SECONDS_TO_FLUSH
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._wake.set()
        self._thread.join(seconds)
        return not self._thread.is_alive() and not self.waiting()

    def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                self._round()
                self.error = None
            except Exception as error:
                # Any kind: drivers and servers fail in their own ways, and none of them may cost a result.
                self.error = error
                if self.opened.is_set() and not self._warned:
                    self._warned = True
                    self._warn(error)
            self._tried.set()
            if self._closing.is_set() and self._is_over():
                return
            self._wake.wait(SECONDS_TO_RETRY if self.error else SECONDS_BETWEEN_BATCHES)

    def _is_over(self) -> bool:
        """Tell whether there is nothing left to try while the caller waits in `finish`."""
        if self.error is None:
            return not self.waiting()
        self._deadline = min(self._deadline, time.monotonic() + SECONDS_TO_FLUSH_AFTER_FAILURE)
        time.sleep(SECONDS_TO_FLUSH_AFTER_FAILURE / 10)
        self._wake.set()
        return time.monotonic() > self._deadline

    def _round(self) -> None:
        if not self.opened.is_set():
            self._open_store()
            self.opened.set()
        self._tick()
        while self._values or self._jobs:
            if self._values:
                batch = list(islice(self._values, BATCH))
                self._send(batch)
                for _ in batch:
                    self._values.popleft()
            else:
                self._jobs[0]()
                self._jobs.popleft()
