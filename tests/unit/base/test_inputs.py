"""A stage whose parameters, code or images change while it runs leaves nothing that DVC would record."""

import pytest

from sparsefaces.base.script import run

DVC = """stages:
  fetch:
    deps: [src/fetch.py, src/library, "${fetch.folder}", stages/other/X.npy]
    params: [fetch]
"""


@pytest.fixture
def project(in_tmp):
    for folder in ("src/library", "own/ada", "stages/other"):
        (in_tmp / folder).mkdir(parents=True)
    for name in ("src/fetch.py", "src/library/code.py", "own/ada/1.png", "stages/other/X.npy"):
        (in_tmp / name).write_text("1")
    (in_tmp / "params.yaml").write_text("fetch: {folder: own}\nanalyze: {faces: 3}\n")
    (in_tmp / "dvc.yaml").write_text(DVC)
    return in_tmp


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("params.yaml", "fetch: {folder: own, resize: 1.0}\nanalyze: {faces: 3}\n", "params.yaml"),
        ("src/library/code.py", "2", "src/library"),
        ("src/library/new.py", "", "src/library"),
        ("own/ada/1.png", "another", "own"),
        ("own/ada/2.png", "1", "own"),
    ],
)
def test_run__stage_whose_input_changes_meanwhile_ends_in_one_message(project, path, text, named):
    with pytest.raises(SystemExit) as end:
        run(lambda: (project / path).write_text(text), stage="fetch")
    assert end.value.code == f"error: {named} changed while fetch ran: `dvc repro` runs it again"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("params.yaml", "fetch:\n  folder: own\nanalyze: {faces: 9}\n"),  # spelt otherwise
        ("stages/other/X.npy", "2"),
        ("src/library/__pycache__/code.pyc", "2"),
        ("src/fetch.py", "1"),
    ],
)
def test_run__what_a_stage_does_not_run_on_may_change(project, path, text):
    (project / path).parent.mkdir(exist_ok=True)
    run(lambda: (project / path).write_text(text), stage="fetch")
