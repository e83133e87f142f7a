"""What the machine does while a training runs, as MLflow measures it."""

import time
from contextlib import suppress

import psutil
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from sparsefaces.tracking.address import tracking_uri

SECONDS_BETWEEN_SAMPLES = 10.0
NO_RUN = ""  # what is measured is logged as all else is, not by MLflow's monitor


class MachineMetrics:
    """MLflow's monitors without their thread, which gives up for good at the first failure of a server."""

    def __init__(self) -> None:
        self._monitor: SystemMetricsMonitor | None = None
        self._next = 0.0

    def measure(self) -> dict[str, float]:
        """Measure if it is time to: numbers by name, none if it is not."""
        if time.monotonic() < self._next:
            return {}
        self._next = time.monotonic() + SECONDS_BETWEEN_SAMPLES
        with suppress(OSError, psutil.Error):  # it never matters
            self._monitor = self._monitor or SystemMetricsMonitor(NO_RUN, tracking_uri=tracking_uri())
            self._monitor.collect_metrics()
            values = dict(self._monitor.aggregate_metrics())
            for monitor in self._monitor.monitors:
                monitor.clear_metrics()
            return values
        return {}
