"""Images of one's own, as docs/data.md says: kept out of Git, and brought to a colleague by DVC."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image
from projects import ROOT, Project

PAGE = (ROOT / "docs/data.md").read_text(encoding="utf-8")


def lines(start):
    """Read the block of commands that begins with these words."""
    (block,) = (block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if block.startswith(start))
    return block


@pytest.fixture
def own(copied):
    """A project on twelve images of two people, in a folder that is no other's."""
    rng = np.random.default_rng(0)
    for person in ("ada", "ben"):
        (copied.folder / "pictures" / person).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 255, (14, 11), np.uint8)
            Image.fromarray(pixels).save(copied.folder / "pictures" / person / f"{number}.png")
    copied.set_params({"fetch": {"source": "folder", "folder": "pictures"}, "train": {"batch_size": 5}})
    return copied


def test_pictures__of_people_stay_out_of_git_from_the_commands_on(own):
    own.run("dvc", "repro")
    own.run("bash", "-c", lines("sed"))
    for command in ("true", "dvc repro"):  # which takes the pictures from its cache
        own.run(*command.split())
        own.run("git", "add", "-A")
        tracked = own.run("git", "ls-files").split()
        assert not [name for name in tracked if name.endswith(("faces.png", "reconstructions.png", "rates.png"))]
    assert "stages/analyze/decoder.png" in tracked
    for name in ("fetch/faces.png", "analyze/reconstructions.png", "analyze/rates.png"):
        assert own.path(name).is_file()
    shutil.copytree(own.folder / "pictures/ada", own.folder / "pictures/cyd")  # what is new in the folder, DVC sees
    assert "Running stage 'standardize'" in own.run("dvc", "repro", "standardize")
    assert len(np.load(own.path("standardize/X.npy"))) == 18


def test_images__come_to_a_colleague_by_dvc(own, tmp_path):
    own.run("dvc", "remote", "add", "--default", "team", str(tmp_path / "team"))
    own.run("bash", "-c", lines("dvc add"))
    assert "pictures/ada/0.png" not in own.run("git", "ls-files")
    cloned = Project(tmp_path / "clone")
    own.run("git", "clone", "-q", str(own.folder), str(cloned.folder))
    cloned.run("dvc", "pull", "pictures")
    assert (cloned.folder / "pictures/ben/5.png").read_bytes() == (own.folder / "pictures/ben/5.png").read_bytes()
