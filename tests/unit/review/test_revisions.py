"""What Git and DVC say of a repository, and what is made of it."""

import pytest

from sparsefaces.base.errors import UserError
from sparsefaces.review.revisions import changed_figures, check_stages, git, make_readable, read_then, resolve
from sparsefaces.tracking.commands import read_now

DVC_YAML = "stages:\n  fetch:\n    cmd: x\n  train:\n    cmd: y\n"
LOCK = """
stages:
  fetch:
    cmd: x
    outs:
    - path: faces.npy
      md5: {made}
  train:
    cmd: y
    deps:
    - path: faces.npy
      md5: abc
    - path: src/train.py
      md5: def
"""
DATA_AWAY = {
    "fetch": [{"changed outs": {"faces.npy": "not in cache"}}],
    "train": [{"changed deps": {"faces.npy": "deleted"}}, {"changed outs": {"model": "deleted"}}],
}


@pytest.fixture
def pipeline(in_tmp):
    (in_tmp / "dvc.yaml").write_text(DVC_YAML)
    (in_tmp / "dvc.lock").write_text(LOCK.format(made="abc"))
    return in_tmp


@pytest.mark.parametrize(
    ("status", "stale", "missing"),
    [
        ({}, [], 0),
        (DATA_AWAY, [], 1),
        ({"train": ["changed command"]}, ["train"], 0),
        ({"train": [{"changed deps": {"params.yaml": {"train.seed": "modified"}}}]}, ["train"], 0),
        ({"train": [{"changed deps": {"src/train.py": "deleted"}}]}, ["train"], 0),
        ({"train": [{"changed deps": {"src/train.py": "modified"}}]}, ["train"], 0),
        ({"fetch": [{"changed outs": {"faces.png": "modified"}}]}, ["fetch"], 0),
        (DATA_AWAY | {"fetch": [{"changed outs": {"faces.npy": "not in cache", "faces.png": "new"}}]}, ["fetch"], 1),
    ],
)
def test_check_stages__data_that_is_away_is_no_change(pipeline, status, stale, missing):
    assert check_stages(status) == (stale, missing)


def test_check_stages__lock_that_contradicts_itself_or_dvc_yaml_is_stale(pipeline):
    (pipeline / "dvc.lock").write_text(LOCK.format(made="xyz"))
    assert check_stages(DATA_AWAY) == (["train"], 1)
    (pipeline / "dvc.lock").write_text(LOCK.format(made="abc") + "  gone:\n    cmd: z\n")
    assert check_stages({}) == (["gone"], 0)


@pytest.mark.parametrize("text", ["", "plots: []\n", None])
def test_check_stages__pipeline_without_stages_is_an_error(in_tmp, text):
    if text is not None:
        (in_tmp / "dvc.yaml").write_text(text)
    with pytest.raises(UserError, match="dvc.yaml has no stages"):
        check_stages({})


@pytest.fixture
def repository(in_tmp, monkeypatch):
    """Two commits of one file."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.org")
    (in_tmp / "up/project").mkdir(parents=True)
    monkeypatch.chdir(in_tmp / "up/project")
    git("init", "-q", "-b", "main", "..")
    git("config", "uploadpack.allowFilter", "true")
    for number in range(2):
        (in_tmp / "up/project/a.json").write_text(f'{{"number": {number}}}')
        git("add", "-A")
        git("commit", "-qm", str(number))
    return in_tmp


def lacking():
    listed = git("rev-list", "--objects", "--missing=print", "--no-walk", "HEAD~1")
    return [line for line in listed.splitlines() if line.startswith("?")]


def test_make_readable__partial_clone_has_all_of_the_commit_then(repository, monkeypatch):
    git("clone", "-q", "--filter=blob:none", f"file://{repository}/up", f"{repository}/partial")
    monkeypatch.chdir(repository / "partial/project")
    assert len(lacking()) == 1
    make_readable("HEAD~1")
    assert lacking() == []
    assert read_then("HEAD~1", "a.json") == {"number": 0}
    assert read_then("HEAD~1", "b.json") is None


def test_make_readable__partial_clone_whose_remote_is_gone_is_an_error(repository, monkeypatch):
    git("clone", "-q", "--filter=blob:none", f"file://{repository}/up", f"{repository}/partial")
    monkeypatch.chdir(repository / "partial/project")
    (repository / "up").rename(repository / "gone")
    with pytest.raises(UserError, match=r"`git archive .* failed"):
        make_readable("HEAD~1")


def test_make_readable__split_index_is_refused_with_the_remedy(repository):
    git("update-index", "--split-index")
    with pytest.raises(UserError, match="core.splitIndex false, then git update-index --no-split-index"):
        make_readable("HEAD")
    git("config", "core.splitIndex", "false")
    git("update-index", "--no-split-index")
    make_readable("HEAD")


def test_resolve__is_the_commit_at_which_the_branch_left(repository):
    there = git("rev-parse", "HEAD~1")
    git("switch", "-qc", "branch", "HEAD~1")
    assert resolve("main") == there
    with pytest.raises(UserError, match="shares no history"):
        resolve(git("commit-tree", "HEAD^{tree}", "-m", "no parent"))
    for base, message in (
        ("nonsense", "names no commit here"),
        ("--all", "names no commit here"),
        ("", "name the"),
    ):
        with pytest.raises(UserError, match=message):
            resolve(base)


def test_resolve__outside_of_a_repository_is_told_in_gits_words(in_tmp):
    with pytest.raises(UserError, match=r"`git rev-parse .* failed: fatal: not a git repository"):
        resolve("main")


def test_changed_figures__say_what_was_there_and_is(repository):
    folder = repository / "up/project/stages/analyze"
    folder.mkdir(parents=True)
    for name in ("changed", "gone", "same"):
        (folder / f"{name}.png").write_text(name)
    git("add", "-A")
    git("commit", "-qm", "figures")
    (folder / "changed.png").write_text("otherwise")
    (folder / "gone.png").unlink()
    (folder / "new.png").write_text("new")
    (folder / "no_figure.csv").write_text("")
    git("add", "-A")
    assert changed_figures("HEAD") == {
        "stages/analyze/changed.png": (True, True),
        "stages/analyze/gone.png": (True, False),
        "stages/analyze/new.png": (False, True),
    }


@pytest.mark.parametrize(("path", "text"), [("a.json", "<<<<<<< HEAD"), ("a.yaml", "a: ["), ("a.json", "[1]")])
def test_read_now__damaged_file_is_an_error_with_the_remedy(in_tmp, path, text):
    assert read_now(path) is None
    (in_tmp / path).write_text(text)
    with pytest.raises(UserError, match=rf"^{path} .*: git restore {path}$"):
        read_now(path)
