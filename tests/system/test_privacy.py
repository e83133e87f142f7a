"""Images of one's own, as docs/data.md says: kept out of Git, and watched by DVC."""

import re
import shutil

import numpy as np
from PIL import Image
from projects import ROOT

PAGE = (ROOT / "docs/data.md").read_text(encoding="utf-8")


def test_pictures__of_people_stay_out_of_git_from_the_commands_on(copied):
    (commands,) = re.findall(r"```sh\n(sed .*?)```", PAGE, re.DOTALL)
    copied.run("bash", "-c", commands)
    for command in ("true", "dvc repro"):  # which takes the pictures from its cache
        copied.run(*command.split())
        copied.run("git", "add", "-A")
        tracked = copied.run("git", "ls-files").split()
        assert not [name for name in tracked if name.endswith(("faces.png", "reconstructions.png", "rates.png"))]
    assert "stages/analyze/decoder.png" in tracked
    for name in ("fetch/faces.png", "analyze/reconstructions.png", "analyze/rates.png"):
        assert copied.path(name).is_file()


def test_images__of_ones_own_are_watched_by_dvc_and_stay_out_of_git(copied):
    rng, pictures = np.random.default_rng(0), copied.folder / "pictures"
    for person in ("ada", "ben"):
        (pictures / person).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(rng.integers(0, 255, (14, 11), np.uint8)).save(pictures / person / f"{number}.png")
    copied.set_params({"fetch": {"source": "folder", "folder": "pictures"}})
    copied.run("dvc", "repro", "fetch")
    assert len(np.load(copied.path("fetch/faces.npy"))) == 12
    shutil.copytree(pictures / "ada", pictures / "cyd")
    assert re.search("modified: +pictures", copied.run("dvc", "status", "fetch"))

    copied.run("dvc", "add", "pictures")
    copied.run("git", "add", "-A")
    tracked = copied.run("git", "ls-files").split()
    assert "pictures.dvc" in tracked
    assert not [name for name in tracked if name.startswith("pictures/")]
