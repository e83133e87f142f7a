"""The same results and the same review, whatever other tools and other users leave in variables and config files."""

import os
import signal
import sys

import pytest
import yaml
from gates import Gate, at_step, wait_until
from projects import CORES, make_project

SETTINGS = """
FORCE_COLOR=1 CLICOLOR_FORCE=1 COLUMNS=20 TQDM_DISABLE=1 TQDM_NCOLS=5 MPLBACKEND=nonsense PYTHONIOENCODING=cp1252
LC_ALL=POSIX PYTHONHASHSEED=7 PYTHONWARNINGS=error OMP_NUM_THREADS=2 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=2
SKLEARN_ASSUME_FINITE=1 TORCH_LOGS=+all DVC_PAGER=false GIT_PAGER=false GIT_EXTERNAL_DIFF=false CDPATH=/
TZ=Pacific/Kiritimati
"""
VARIABLES = dict(setting.split("=") for setting in SETTINGS.split())
# In a folder with other letters, orjson, which DVC imports, cannot be loaded without: make sets it to 1.
VARIABLES["PYTHONUTF8"] = "0" if sys.prefix.isascii() else "1"
CONFIGS = {  # below a home
    ".gitconfig": """
[color]
    ui = always
[core]
    autocrlf = true
    quotepath = false
    pager = false
[diff]
    noprefix = true
    mnemonicPrefix = true
    external = false
[status]
    short = true
    branch = true
    showUntrackedFiles = no
[log]
    showSignature = true
""",
    ".config/dvc/config": """
[core]
    autostage = true
    analytics = true
    remote = theirs
['remote "theirs"']
    url = /nowhere
[cache]
    type = symlink
[feature]
    machine = true
""",
    ".config/matplotlib/matplotlibrc": "font.size: 30\nfigure.dpi: 30\nsavefig.transparent: True\n",
}


def settings(project):
    """The variables of another user, in whose home and in whose folder lie files of settings."""
    home = project.folder.parent / "home"
    for name, text in CONFIGS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (project.folder / "matplotlibrc").write_text("font.size: 5\nsavefig.bbox: tight\naxes.facecolor: red\n")
    return VARIABLES | {"HOME": str(home)}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A project made from nothing by another user, in another folder, both trainings at once, interrupted once."""
    project = make_project(tmp_path_factory.mktemp("hostile") / "project")
    project.set_params({"machine": {"checkpoint_every": 10}})
    # DVC itself does not survive PYTHONWARNINGS=error, which make therefore takes away.
    project.env |= settings(project) | {"PYTHONWARNINGS": ""}
    project.interrupted = interrupt(project, tmp_path_factory.mktemp("gates") / "gate") if CORES > 1 else ""
    project.output = project.run("tools/repro.sh")
    return project


def interrupt(project, folder):
    """Press Ctrl-C while both trainings are at work, and return what was said; the store is made while fetch holds."""
    gate = Gate(folder, "sparsefaces.fetch.sources:fetch_faces", at_step(15))
    process = project.start("tools/repro.sh", gate=gate)
    gate.wait(process, "fetch")
    wait_until((project.folder / "mlflow.db").exists, process)
    gate.pass_one("fetch")
    for training in ("train_dense", "train_sparse"):
        gate.wait(process, training)
    os.killpg(process.pid, signal.SIGINT)
    return process.end(130)


def test_repro__from_nothing_side_by_side_and_interrupted_under_another_users_settings_changes_no_byte(
    hostile, finished
):
    theirs, ours = hostile.results(), finished.results()
    assert {name for name in theirs | ours if theirs.get(name) != ours.get(name)} == set()
    # The training that ends first is recorded first; what is recorded is the same.
    locks = [yaml.safe_load((project.folder / "dvc.lock").read_text()) for project in (hostile, finished)]
    assert locks[0] == locks[1]
    assert "nothing to log" in hostile.run("python", "src/track.py", PYTHONWARNINGS="error")
    assert hostile.run("tools/repro.sh").strip() == "Data and pipelines are up to date."


@pytest.mark.skipif(CORES < 2, reason="on one core, trainings take turns")
def test_repro__ctrl_c_ends_both_and_the_next_run_continues_both_and_says_whose_each_line_is(hostile):
    assert "Traceback" not in hostile.interrupted
    assert hostile.output.count("continues from the checkpoint of step 10") == 2
    for training in ("train_dense", "train_sparse"):
        assert f"{training:<12} |   nbit       rec       spa       ent       reg" in hostile.output


def test_review__another_users_settings_change_no_word(copied):
    copied.set_params({"train_sparse": {"lambda": 0.5}})
    ours = copied.run("python", "src/review.py", "main", code=3)
    theirs = copied.run("python", "src/review.py", "main", code=3, **settings(copied), GIT_DIR=".git")
    assert theirs == ours
    assert "| `train_sparse.lambda` | 1.0 | 0.5 |" in ours
