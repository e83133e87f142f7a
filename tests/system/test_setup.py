"""`make setup`: which packages it takes from where, and where it cannot work."""

import os
import shutil
import sys

import pytest
from indexes import Indexes
from projects import ROOT, Project

BUILD = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")


@pytest.fixture
def checkout(tmp_path):
    """What `make setup` reads of a clone."""
    checkout = Project(tmp_path / "mes visages, été")
    shutil.copytree(ROOT / "tools", checkout.folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout.folder / "src/sparsefaces").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", "src/sparsefaces/__init__.py"):
        shutil.copy(ROOT / name, checkout.folder / name)
    return checkout


@pytest.fixture
def indexes(tmp_path, checkout):
    """Indexes of packages, and a lock of those: the two torches differ, as they do in the world."""
    with Indexes(tmp_path) as indexes:
        lock = "".join(map(indexes.add_installed, (*BUILD, "uv")))
        indexes.add("simple", "torch", "2.13.0")
        indexes.add("whl/cpu", "torch", "2.13.0+cpu")
        (checkout.folder / "requirements.lock").write_text(lock + "torch==2.13.0\n")
        yield indexes
        indexes.shutdown()


def set_up(checkout, indexes, driver=False, **env):
    """Run `make setup`, with NVIDIA's driver or without; return its output, torch's version and what installed it."""
    programs = checkout.folder.parent / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\nexit {0 if driver else 9}\n")
    (programs / "nvidia-smi").chmod(0o755)
    checkout.env = indexes.env_of(checkout.env) | {"PATH": f"{programs}:{os.environ['PATH']}"}
    output = checkout.run("make", f"PYTHON={sys.executable}", "setup", **env)
    (torch,) = checkout.folder.glob(".venv/lib/python*/site-packages/torch-*.dist-info")
    code = "import sparsefaces; print(sparsefaces.__file__)"
    assert str(checkout.folder) in checkout.run(".venv/bin/python", "-c", code)
    return output, torch.stem.removeprefix("torch-"), (torch / "INSTALLER").read_text().strip()


@pytest.mark.parametrize(("driver", "version"), [(False, "2.13.0+cpu"), (True, "2.13.0")])
def test_setup__takes_torch_for_the_cpu_unless_there_is_a_driver(driver, version, checkout, indexes):
    output, *torch = set_up(checkout, indexes, driver)
    assert torch == [version, "uv"]
    assert "pip installs" not in output


@pytest.mark.parametrize(
    ("away", "env", "reason"),
    [
        ("torch", {}, "uv cannot reach the package index, or that of torch for cpu"),
        ("uv", {}, "uv cannot be downloaded"),
        ("torch", {"PIP_EXTRA_INDEX_URL": "https://ours.example.org/simple"}, "uv does not read pip's settings"),
    ],
)
def test_setup__where_uv_cannot_pip_installs_and_one_line_says_so(away, env, reason, checkout, indexes):
    if away == "uv":
        shutil.rmtree(indexes.folder / "simple/uv")
    else:
        indexes.away = (away,)
    output, *torch = set_up(checkout, indexes, **env)
    assert torch == ["2.13.0", "pip"]
    (line,) = [line for line in output.splitlines() if line.startswith("make: ")]
    assert line.startswith("make: pip installs") and reason in line


def test_setup__missing_or_old_python_is_named(tmp_path, checkout):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")  # as it would say to a question for its version
    old.chmod(0o755)
    for python in ("python-that-is-missing", str(old)):
        output = checkout.run("make", f"PYTHON={python}", "setup", code=2, PATH=os.environ["PATH"])
        assert f"{python} is missing or older than Python 3.11" in output
        assert not (checkout.folder / ".venv").exists()
