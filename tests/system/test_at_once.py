"""Two at once: in one workspace the second waits or is refused; two clones share a cache and a server."""

from collections import Counter

STAGES = ("train_dense", "train_sparse", "analyze")  # the first, which is as it was, is new to the server


def test_repro__twice_at_once_in_one_workspace_and_in_clones_makes_each_result_once(finished, server, tmp_path):
    projects = [finished.copy(tmp_path / name) for name in ("ours", "theirs")]
    for project in projects:
        project.set_params({"train_sparse": {"lambda": 0.5}})
        project.run("dvc", "cache", "dir", "--local", str(tmp_path / "cache"))
        project.env["MLFLOW_TRACKING_URI"] = server.url
    first, *others = [project.start("tools/repro.sh") for project in (projects[0], *projects)]
    # In one workspace, one of the two may be refused, in DVC's words: with 255, or with 1 by `dvc status`.
    for process in (first, others[0]):
        said = process.end(None)
        refused = "ERROR" in said and " is busy, it is being blocked by" in said
        assert (process.returncode in (1, 255)) if refused else (process.returncode == 0 and "ERROR" not in said), said
    others[1].end()
    projects[0].run("tools/repro.sh")
    assert projects[0].results() == projects[1].results() != finished.results()
    for project in projects:
        assert "Data and pipelines are up to date" in project.run("dvc", "status")
    # A clone makes a result itself, or takes what the other had in the cache by then.
    runs = server.runs()
    assert {run.info.status for run in runs} == {"FINISHED"}
    counts = Counter(run.data.tags["stage"] for run in runs)
    assert set(counts) == set(STAGES)
    assert max(counts.values()) <= 2
