import pytest

from sparsefaces.base.cache import project_root


@pytest.mark.parametrize(
    ("named", "folder", "root"),
    [
        (None, "ours", "ours"),
        ("ours", "ours", "ours"),
        ("ours", "ours/.dvc/tmp/exps/tmp1", "ours"),
        ("ours", "ours/.dvc/tmp/exps/standalone/tmp1", "ours"),
        ("all/ours", "all/ours/.dvc/tmp/exps/tmp1/ours", "all/ours"),  # deep in a Git repository, and in its copy
        ("theirs", "theirs/ours", "theirs/ours"),  # their stage runs this project
        ("theirs", "theirs/.dvc/tmp/exps/tmp1/ours", "theirs/.dvc/tmp/exps/tmp1/ours"),  # likewise, in an experiment
        ("theirs", "theirs/.dvc/tmp/exps", "theirs/.dvc/tmp/exps"),
    ],
)
def test_project_root__is_what_dvc_names_in_that_ones_experiments_alone(tmp_path, monkeypatch, named, folder, root):
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    if named:
        monkeypatch.setenv("DVC_ROOT", str(tmp_path / named))
    assert project_root() == tmp_path / root
