"""Whether dvc.lock is in sync, and what a merge has left."""

import re
import subprocess
from pathlib import Path

import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.review.changes import stale_stages


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock"])
def test_stale_stages__both_sides_of_a_merge_are_told_with_commands_that_work(pipeline, name):
    for branch, rate in (("branch", 0.2), ("main", 0.3)):
        pipeline("switch", "-q", branch)
        for file in map(Path, ("params.yaml", "dvc.lock")):
            file.write_text(file.read_text().replace("rate: 0.1", f"rate: {rate}"))
        Path("dvc.yaml").write_text(Path("dvc.yaml").read_text().replace("make", f"make {rate}"))
        pipeline("commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        pipeline("merge", "branch")
    for other in {"params.yaml", "dvc.yaml", "dvc.lock"} - {name}:
        pipeline("checkout", "--ours", other)
    with pytest.raises(UserError, match=f"{name} holds both sides of a merge") as error:
        stale_stages()
    for file in ("params.yaml", "dvc.yaml"):  # as if by hand
        pipeline("checkout", "--ours", file)
    command = re.search("`git (restore .*?)`", str(error.value))[1]
    pipeline(*command.split())
    assert stale_stages() == ["train"]
    assert not pipeline("diff", "--name-only", "--diff-filter=U", "--", "dvc.lock", "stages")


def test_stale_stages__are_those_that_dvc_would_run_though_the_data_is_not_here(pipeline):
    assert stale_stages() == []
    Path("params.yaml").write_text("train:\n  rate: 0.3\n")
    assert stale_stages() == ["train"]
    Path("dvc.yaml").write_text("stages: [")
    with pytest.raises(UserError, match="`dvc repro --dry` failed"):
        stale_stages()
