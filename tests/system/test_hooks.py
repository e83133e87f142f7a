"""The guard rails: what `make lint`, a commit and a push refuse."""

import json
import os
import shutil
import sys

import pytest
import yaml
from projects import ROOT, Project


@pytest.fixture
def guarded(copied, tmp_path):
    """The finished project with the hooks, in an activated environment of another name, outside of the project."""
    for name in (".pre-commit-config.yaml", "pyproject.toml", "params.schema.json"):
        shutil.copy(ROOT / name, copied.folder)
    shutil.copytree(ROOT / ".github", copied.folder / ".github")
    environment = tmp_path / "faces-env"
    environment.symlink_to(sys.prefix)
    copied.env |= {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "PRE_COMMIT_COLOR": "never"}
    copied.env |= {"SKIP": "mypy,dependencies-tests"}  # of all the code, and of tests that are not here
    copied.env |= {"VIRTUAL_ENV": str(environment), "PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}"}
    copied.commit("hooks")
    return copied


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
    (guarded.folder / "compose.yaml").write_text("unknown: key\n")
    guarded.run("git", "add", "-A")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    names = {hook["name"] for hook in hooks if hook["id"] not in ("mypy", "dependencies-tests", "dvc-lock")}
    passed = {"ruff format", "packages import downwards, MLflow in tracking alone"}
    assert lint(guarded) == dict.fromkeys(names, "Failed") | dict.fromkeys(passed, "Passed")


def test_hooks__a_push_is_refused_while_dvc_lock_does_not_match_but_a_commit_is_not(guarded):
    name = "dvc.lock matches params, code and dvc.yaml"
    assert lint(guarded, "--hook-stage", "pre-push") == {name: "Passed"}
    guarded.set_params({"train_sparse": {"lambda": 0.7}})
    guarded.run("git", "add", "params.yaml")
    assert lint(guarded, "--hook-stage", "pre-push") == {name: "Failed"}
    assert name not in lint(guarded)


def test_hooks__with_nothing_activated_find_the_tools_in_venv(copied, tmp_path):
    hook = (str(ROOT / "tools/hook.sh"), "sh", "-c", "command -v ruff")
    copied.env.pop("VIRTUAL_ENV", None)
    copied.env |= {"CONDA_PREFIX": str(tmp_path), "PATH": os.defpath}
    (copied.folder / ".venv").symlink_to(sys.prefix)
    assert copied.run(*hook).strip() == f"{copied.folder}/.venv/bin/ruff"
