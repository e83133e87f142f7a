"""`make setup` where it cannot work."""

import os
import shutil

from projects import ROOT, Project


def test_setup__missing_or_old_python_is_named(tmp_path):
    checkout = Project(tmp_path / "mes visages, été")
    shutil.copytree(ROOT / "tools", checkout.folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, checkout.folder)
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")  # as it would say to a question for its version
    old.chmod(0o755)
    for python in ("python-that-is-missing", str(old)):
        output = checkout.run("make", f"PYTHON={python}", "setup", code=2, PATH=os.environ["PATH"])
        assert f"{python} is missing or older than Python 3.11" in output
        assert not (checkout.folder / ".venv").exists()
