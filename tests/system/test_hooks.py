"""The guard rails: what `make lint`, a commit and a push refuse."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from projects import ROOT, Project


@pytest.fixture
def guarded(copied, tmp_path):
    """The finished project with the hooks, in an activated environment of another name, outside of the project."""
    for name in (".pre-commit-config.yaml", ".github", "pyproject.toml", "params.schema.json", "tools"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, copied.folder / name)
    environment = tmp_path / "faces-env"
    environment.symlink_to(sys.prefix)
    copied.env |= {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "PRE_COMMIT_COLOR": "never"}
    copied.env |= {"SKIP": "mypy,dependencies-tests"}  # of all the code, and of tests that are not here
    copied.env |= {"VIRTUAL_ENV": str(environment), "PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}"}
    copied.run("git", "add", "-A")
    copied.run("git", "commit", "-qm", "hooks")
    return copied


@pytest.fixture
def unactivated(guarded, tmp_path):
    """The same with the hooks installed, in a shell that has another Python and none of the project's tools."""
    git = str(Path(shutil.which("git")).parent)
    guarded.run("pre-commit", "install", GIT_CONFIG_GLOBAL=os.devnull)
    (tmp_path / "base/bin").mkdir(parents=True)
    for tool in ("python", "ruff"):
        (tmp_path / "base/bin" / tool).write_text("#!/bin/sh\necho not this one; exit 1\n")
        (tmp_path / "base/bin" / tool).chmod(0o755)
    del guarded.env["VIRTUAL_ENV"]
    guarded.env |= {"CONDA_PREFIX": str(tmp_path / "base"), "GIT_CONFIG_GLOBAL": os.devnull}
    guarded.env["PATH"] = os.pathsep.join([str(tmp_path / "base/bin"), git, os.defpath])
    path = guarded.folder / "src/check.py"
    path.write_text(path.read_text() + "\n# A comment.\n")
    guarded.set_params({"analyze": {"faces": 4}})
    return guarded


def lint(project: Project, *arguments: str) -> dict[str, str]:
    """Run the hooks on all files as `make lint` does; return what each that ran came to."""
    output = project.run("pre-commit", "run", "--all-files", *arguments, code=None)
    lines = [line for line in output.splitlines() if line.endswith(("Passed", "Failed"))]
    return {line.split("..")[0]: line[-6:] for line in lines}


def test_hooks__refuse_what_they_are_there_for(guarded):
    (guarded.folder / "params.schema.json").write_text("{}")
    (guarded.folder / "src/fetch.py").write_text("import os\n\nimport tomlkit\n")
    guarded.set_params({"train": {"batch_size": 0}})
    dvc_yaml = guarded.folder / "dvc.yaml"
    dvc_yaml.write_text(dvc_yaml.read_text().replace("outs:", "out:", 1))
    (guarded.folder / "large.bin").write_bytes(bytes(301 * 1024))
    (guarded.folder / "long.ipynb").write_text(json.dumps({"outputs": "x" * 401 * 1024}))
    workflow = guarded.folder / ".github/workflows/tests.yml"
    workflow.write_text(workflow.read_text().replace("@de0fac2e4500dabe0009e67214ff5f5447ce83dd", "@v6") + "job: {}\n")
    for name in ("dependabot.yml", "ISSUE_TEMPLATE/bug.yml"):
        with (guarded.folder / ".github" / name).open("a") as file:
            file.write("unknown: key\n")
    guarded.run("git", "add", "-A")
    assert lint(guarded) == {
        "ruff check": "Failed",
        "ruff format": "Passed",
        "packages import downwards, MLflow in tracking alone": "Passed",
        "what the code imports is declared, and what is declared imported": "Failed",
        "params.yaml is valid": "Failed",
        "params.schema.json is the one of base/params.py (make schema)": "Failed",
        "params.yaml is valid to editors": "Failed",
        "dvc.yaml is valid": "Failed",
        "files are under 300 kB": "Failed",
        "notebooks are under 400 kB: clear the outputs of a larger one": "Failed",
        "workflows follow GitHub's schema": "Failed",
        "dependabot.yml follows GitHub's schema": "Failed",
        "issue forms follow GitHub's schema": "Failed",
        "workflows are pinned and ask for no more than they need": "Failed",
    }


def test_hooks__a_push_is_refused_while_dvc_lock_does_not_match_but_a_commit_is_not(guarded):
    name = "dvc.lock matches params, code and dvc.yaml"
    assert lint(guarded, "--hook-stage", "pre-push") == {name: "Passed"}
    guarded.set_params({"train_sparse": {"lambda": 0.7}})
    guarded.run("git", "add", "params.yaml")
    assert lint(guarded, "--hook-stage", "pre-push") == {name: "Failed"}
    assert name not in lint(guarded)


def test_hooks__commit_with_nothing_activated_finds_the_tools_in_venv(unactivated):
    (unactivated.folder / ".venv").symlink_to(sys.prefix)
    output = unactivated.run("git", "commit", "-am", "a change")
    assert output.count("Passed") >= 5
    assert "Failed" not in output
