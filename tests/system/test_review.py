"""A pull request, rehearsed: what the review says of it, whether dvc.lock is in sync, and its merge with another."""

import json

from guide import blocks
from projects import ROOT, Project

GUIDE = (ROOT / "docs/review.md").read_text(encoding="utf-8")


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def make_up(project, branch, filters):
    """Commit results that no run has made on a branch, with the parameters and dvc.lock as if one had."""
    project.run("git", "switch", "-qc", branch, "main")
    project.set_params({"analyze": {"filters": filters}})
    lock, picture = project.folder / "dvc.lock", project.path("analyze/decoder.png")
    lock.write_text(lock.read_text().replace("filters: 9", f"filters: {filters}"))
    edit(project.path("analyze/metrics.json"), lambda values: values["sparse"].update(l0=filters / 2))
    picture.write_bytes(picture.read_bytes() + branch.encode())
    project.commit(branch)


def test_review__of_a_clone_without_data_has_an_exit_code_for_dvc_lock_that_is_out_of_sync(finished, tmp_path):
    clone = Project(tmp_path / "clone")
    finished.run("git", "clone", "-q", str(finished.folder), str(clone.folder))
    assert "out of sync" not in clone.run("python", "src/review.py", "main")
    clone.set_params({"train_sparse": {"lambda": 0.7}})
    for script, argument, code in (("review.py", "main", 3), ("check.py", "lock", 1)):
        said = clone.run("python", f"src/{script}", argument, code=code)
        assert "dvc.lock is out of sync" in said
        assert "train_sparse" in said
        assert "train_dense" not in said


def test_merge__of_two_branches_with_new_results_by_the_guide_makes_those_of_what_was_decided(copied):
    make_up(copied, "theirs", 4)
    make_up(copied, "ours", 6)
    copied.run("git", "merge", "theirs", code=1)
    params, lock = copied.folder / "params.yaml", copied.folder / "dvc.lock"
    for path in (params, lock, copied.path("analyze/metrics.json")):
        assert "<<<<<<< " in path.read_text()
    refused = copied.run("python", "src/check.py", "inputs", code=1)
    take, finish = blocks("Merge", GUIDE)
    assert [line for line in (take + finish).splitlines() if f"`{line}`" not in refused] == []
    copied.run("bash", "-ec", take)
    text = params.read_text()
    before, _, rest = text.partition("<<<<<<< ")
    chosen, _, after = rest.partition("=======\n")[2].partition(">>>>>>> ")
    params.write_text(before + chosen + after.partition("\n")[2])
    assert "Running stage 'analyze'" in copied.run("bash", "-ec", finish, GIT_EDITOR="true")
    assert copied.run("git", "status", "--porcelain") == ""
    assert len(copied.run("git", "log", "-1", "--format=%P").split()) == 2
    assert "filters: 4" in lock.read_text()
    copied.run("python", "src/check.py", "lock")
    theirs, now = (set(copied.run("git", "diff", "--name-only", "main", to).split()) for to in ("theirs", "HEAD"))
    assert theirs - now == {"stages/analyze/metrics.json"}  # made up: how many filters are shown is no matter of it
