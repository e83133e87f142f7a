"""The end of `make test` on a machine that lacks what some tests need."""

import os
import subprocess
import sys

from projects import ROOT

OTHERS = """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_others(number):
    pytest.skip("no PostgreSQL: install it")
"""


def test_skips__are_said_in_one_line_with_what_to_do(tmp_path):
    (tmp_path / "test_others.py").write_text(OTHERS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/system/test_browser.py"]
    env = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    env |= {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    done = subprocess.run(
        [*command, str(tmp_path / "test_others.py")], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    pages = (ROOT / "tests/system/test_browser.py").read_text().count("\ndef test_")
    assert done.stdout.splitlines()[-2] == (
        f"skipped: {pages} (no browser for the tests of pages: make browser); 2 (no PostgreSQL: install it)"
    )
