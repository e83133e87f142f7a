"""Delivery in the background: what a run logs waits in memory until its store has taken it.

Whoever logs never waits, whatever the store does; this knows nothing of MLflow.
"""

import math
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
SECONDS_AFTER_FAILURE = 3.0  # that one which fails is tried again at the end


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
        settled: Set once the store was opened, or failed in a way that no other try would mend.
        abandoned: Whether it was given up: nothing more is tried.
        error: What the store failed with last; None while it works.
    """

    def __init__(
        self,
        open_store: Callable[[], None],
        send: Callable[[Sequence[Value]], None],
        warn: Callable[[Exception], None],
        *,
        is_hopeless: Callable[[Exception], bool] = lambda error: False,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Start opening the store.

        Args:
            open_store: Called until it succeeds, before anything else.
            send: Takes at most `BATCH` values; may get them again if it raises.
            warn: Called at the first failure after the store was opened.
            is_hopeless: Tells of a failure to open whether waiting for another try is in vain.
            tick: Called now and then, to put values of the moment.
        """
        self.opened, self.settled, self.abandoned = threading.Event(), threading.Event(), False
        self.error: Exception | None = None
        self._open_store, self._send, self._warn, self._tick = open_store, send, warn, tick
        self._is_hopeless = is_hopeless
        self._values: deque[Value] = deque()
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake, self._closing, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._warned, self._delivered = False, 0
        self._give_up_at = math.inf
        threading.Thread(target=self._run, name="delivery", daemon=True).start()

    def wait_until_opened(self, seconds: float) -> bool:
        """Wait until the store was opened, or is hopeless, or the time is over; tell whether it was opened."""
        self.settled.wait(seconds)
        return self.opened.is_set()

    def put(self, values: Iterable[Value]) -> None:
        """Hand values over."""
        self._values.extend(values)

    def do(self, job: Callable[[], None]) -> None:
        """Hand over a job, to be done after the values so far; done again from its start if it raises."""
        self._jobs.append(job)
        self._wake.set()

    def do_if_up(self, job: Callable[[], None]) -> None:
        """Hand over a job that may be left out if a store that is away has left many waiting in memory."""
        if len(self._jobs) < MOST_WAITING:
            self.do(job)

    def waiting(self) -> int:
        """Count the values and jobs that are not delivered."""
        return len(self._values) + len(self._jobs)

    def finish(self, patience: float) -> bool:
        """Deliver what is left and stop; tell whether everything arrived.

        Args:
            patience: Seconds that a store which does not fail may take for each batch or job.
        """
        self._closing.set()
        self._wake.set()
        before = -1
        # Not join: interrupted, it takes a thread that works on for one that has ended (CPython 3.11 and 3.12).
        while self._delivered != before and not self._ended.is_set():
            before = self._delivered
            self._ended.wait(patience)
        return self._ended.is_set() and not self.waiting()

    def abandon(self) -> None:
        """Try no more: nobody wants what was handed over."""
        self.abandoned = True
        self._closing.set()
        self._wake.set()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()

    def _work(self) -> None:
        while not self.abandoned:
            self._wake.clear()
            try:
                self._round()
                self.error, self._give_up_at = None, math.inf
            except Exception as error:
                # Any kind: drivers and servers fail in their own ways, and none of them may cost a result.
                self._note(error)
            if self._closing.is_set():
                if time.monotonic() > self._give_up_at if self.error else not self.waiting():
                    return
                self._wake.wait(SECONDS_AFTER_FAILURE / 10)
            else:
                self._wake.wait(SECONDS_BETWEEN_BATCHES if self.error is None else SECONDS_TO_RETRY)

    def _note(self, error: Exception) -> None:
        """Take note of a failure: before the store was opened, after that, and once nobody logs any more."""
        self.error = error
        if not self.opened.is_set() and self._is_hopeless(error):
            self.settled.set()
        elif self.opened.is_set() and not self._warned:
            self._warned = True
            self._warn(error)
        if self._closing.is_set() and self._give_up_at == math.inf:
            self._give_up_at = time.monotonic() + SECONDS_AFTER_FAILURE

    def _round(self) -> None:
        if not self.opened.is_set():
            self._open_store()
            self.opened.set()
            self.settled.set()
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
            self._delivered += 1
