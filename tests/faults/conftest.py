"""The search's last lines: which faults came."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the faults that were followed by the same bytes."""
    properties = [item for report in terminalreporter.getreports("passed") for item in report.user_properties]
    faults = Counter(said for name, said in properties if name == "fault")
    terminalreporter.write_line(f"{faults.total()} faults, each followed by the same bytes:")
    for said, count in sorted(faults.items()):
        terminalreporter.write_line(f"  {count:3} {said}")
