from pathlib import Path

from sparsefaces.base.alone import alone


def test_alone__leaves_nothing_in_a_folder_that_is_no_project(in_tmp):
    with alone("fetch"):
        assert list(in_tmp.iterdir()) == []
    Path("params.yaml").touch()
    with alone("fetch"):
        assert Path(".scratch").is_dir()
