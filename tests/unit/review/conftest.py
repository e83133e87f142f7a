import json
import subprocess
from pathlib import Path

import pytest
from samples import claim

FACES = {"source": "lfw", "wanted": "lfw", "sha256": "a", "fallback_reason": None}
DVC_YAML = "{stages: {train: {cmd: make, params: [train], outs: [data]}}, metrics: [stages/analyze/metrics.json]}"
LOCKED = "cmd: make, params: {params.yaml: {train: {rate: 0.1}}}, outs: [{path: data, hash: md5, md5: abc, size: 2}]"
DVC_LOCK = "{schema: '2.0', stages: {train: {%s}}}"
METRICS = {"dense": {"explained_variance": 0.9, "l0": 250.0}, "sparse": {"explained_variance": 0.8, "l0": 100.0}}
CLAIMS = [claim("local", "holds"), claim("sparser", "holds")]


@pytest.fixture
def git(in_tmp):
    """Git, in a repository of its own and DVC's, as empty as can be."""

    def run(*arguments):
        names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return subprocess.run(["git", *names, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    run("init", "-q", "-b", "main")
    (in_tmp / ".dvc").mkdir()
    (in_tmp / ".dvc" / "config").touch()
    (in_tmp / ".gitignore").write_text("/.dvc/tmp\n")
    return run


@pytest.fixture
def leave(git):
    """Commit what a run of the pipeline would leave, and return the commit."""

    def commit(*, rate=0.1, faces=FACES, claims=CLAIMS, figure=b"1", **models):
        Path("params.yaml").write_text(f"train:\n  rate: {rate}\n")
        files = {"analyze/metrics.json": METRICS | models, "analyze/claims.json": {"claims": claims}}
        for name, content in (files | {"fetch/provenance.json": faces}).items():
            Path("stages", name).write_text(json.dumps(content))
        Path("stages/analyze/curves.png").write_bytes(figure)
        git("add", "-A")
        git("commit", "-qm", "results", "--allow-empty")
        return git("rev-parse", "HEAD")

    return commit


@pytest.fixture
def pipeline(git, leave):
    """Results that are committed, in sync with the parameters, without the data; returns Git."""
    for stage in ("analyze", "fetch"):
        Path("stages", stage).mkdir(parents=True)
    Path("dvc.yaml").write_text(DVC_YAML)
    Path("dvc.lock").write_text(DVC_LOCK % LOCKED)
    leave()
    git("switch", "-qc", "branch")
    return git
