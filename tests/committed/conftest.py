"""Skips all of these tests with one line, which a fixture's skip would not be."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip where the project has gone on to other parameters or faces: its results are its own then."""
    if reason := item.module.difference():
        pytest.skip(reason)
