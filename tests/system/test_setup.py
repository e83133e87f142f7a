"""`make setup` in a folder of its own, with real venv and pip; its requirements.lock asks for nothing."""

import os
import shutil
import subprocess
import sys

import pytest
from projects import ROOT, Project

BACKEND = """
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: sparsefaces\\nVersion: 0.1\\n"
def build_editable(folder, *rest):
    name = "sparsefaces-0.1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("sparsefaces.py", "")
        wheel.writestr("sparsefaces-0.1.dist-info/METADATA", METADATA)
        wheel.writestr("sparsefaces-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("sparsefaces-0.1.dist-info/RECORD", "")
    return name
"""


class Checkout(Project):
    """The Makefile and its tools beside a package that needs no download."""

    def __init__(self, folder, home):
        super().__init__(folder)
        self.venv, self.python = folder / ".venv", home / "a python of mine"
        self.python.symlink_to(sys._base_executable)
        (folder / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copy(ROOT / "tools/setup.sh", folder / "tools")
        (folder / "requirements.lock").write_text("")
        (folder / "backend.py").write_text(BACKEND)
        (folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        self.env = {key: value for key, value in self.env.items() if not key.startswith(("PIP_", "MAKE", "PYTHON"))}
        self.env |= {"HOME": str(home), "PATH": os.environ["PATH"]}

    def setup(self, code=0, **env):
        return self.run("make", f"PYTHON={self.python}", "setup", code=code, **env)

    def is_ready(self):
        """Whether the package is importable there and in no other place."""
        where = self.run(str(self.venv / "bin/python"), "-c", "import sparsefaces; print(sparsefaces.__file__)")
        return (self.venv / ".ready").is_file() and str(self.venv) in where


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "home").mkdir()
    return Checkout(tmp_path / "mes visages, été", tmp_path / "home")


def test_setup__another_users_settings_of_pip_and_python_send_nothing_elsewhere(checkout, tmp_path):
    elsewhere = {name: str(tmp_path / name) for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME")}
    config = tmp_path / "home/.config/pip/pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text("[install]\nuser = true\n")
    foreign = tmp_path / "foreign"
    (foreign / "tools").mkdir(parents=True)
    checkout.setup(**elsewhere, PIP_USER="1", PIP_DRY_RUN="1", CDPATH=str(foreign), PYTHONPATH=str(foreign))
    assert checkout.is_ready()
    assert not any((tmp_path / name).exists() for name in elsewhere)
    assert "Nothing to be done" in checkout.setup() or "up to date" in checkout.setup()


@pytest.mark.parametrize("link", [False, True])
def test_setup__environment_of_the_users_own_is_left_alone_with_a_message(checkout, tmp_path, link):
    own = tmp_path / "own" if link else checkout.venv
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    (own / "kept").write_text("")
    if link:
        checkout.venv.symlink_to(own)
    output = checkout.setup(code=2)
    assert (f"a symbolic link, to {own}" if link else "not of make's making") in output
    assert (own / "kept").exists()
    assert (own / "bin/python").exists()


def test_setup__interrupted_or_outdated_is_made_again(checkout):
    (checkout.folder / "requirements.lock").write_text("no-such-file.whl\n")
    checkout.setup(code=2)
    assert not (checkout.venv / ".ready").exists()
    (checkout.venv / "left-over").write_text("")
    (checkout.folder / "requirements.lock").write_text("")
    checkout.setup()
    assert checkout.is_ready()
    assert not (checkout.venv / "left-over").exists()
    os.utime(checkout.folder / "requirements.lock", (2**32, 2**32))  # a clock that is wrong changes nothing
    assert "Setting up" not in checkout.setup()
    (checkout.folder / "requirements.lock").write_text("# another\n")
    os.utime(checkout.folder / "requirements.lock", (0, 0))
    # With make's default, `python3`, which by then is found in the environment itself.
    checkout.run("make", "setup")
    assert checkout.is_ready()
    assert "Setting up" not in checkout.setup()


def test_make__gives_dvc_a_shell_that_runs_something(checkout):
    (checkout.folder / "shown.mk").write_text("include Makefile\nshown: ; @echo $$SHELL\n")
    assert checkout.run("make", "-s", "-f", "shown.mk", "shown", SHELL="/usr/sbin/nologin") == "/bin/sh\n"


def test_setup__missing_or_old_python_is_named(checkout):
    output = checkout.run("make", "PYTHON=python9", "setup", code=2)
    assert "make: python9 is missing or older than Python 3.11" in output
    assert not checkout.venv.exists()
