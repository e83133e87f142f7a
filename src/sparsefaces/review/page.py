"""What a reviewer needs to know of a change, gathered from DVC and Git and rendered as Markdown."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sparsefaces.base.words import FACES
from sparsefaces.metrics import METRICS, Metric
from sparsefaces.review import markdown, revisions
from sparsefaces.review.revisions import Json, git
from sparsefaces.training.outputs import TRAININGS

UNKNOWN = Metric(label="", form="", arrow="", along="", against="")


def gather_review(base: str) -> dict[str, Any]:
    """Compare the workspace with the commit at which this branch left another revision.

    Args:
        base: A branch, tag or commit.

    Returns:
        What the template shows, by name:

        - `base`, as it was named; `then`, the commit at which this branch left it; `now`, the commit in the workspace;
        - `folder`: where in the repository the project lies, with a slash at its end; empty at the top;
        - `dirty`: whether tracked files in the workspace differ from `now`;
        - `stale`: the stages that dvc.lock does not match; none if it is in sync;
        - `missing`: how many results are not in the cache here;
        - `alerts`: what changed about the faces;
        - `params`: (name, then, now) of each parameter that differs;
        - `stages`: (stage, what it reads that differs, what it leaves that differs);
        - `metrics`: (metric, wanted direction, one cell per model) of each that differs;
        - `other_metrics`: (name, cell) of those that belong to no model;
        - `claims`: (claim, verdict then, verdict now, evidence now) if the verdict differs;
        - `figures`: (path, was there then, is there now) of the pictures that differ.

    Raises:
        UserError: `base` names nothing, or Git or DVC fails.
    """
    then = revisions.resolve(base)
    review = {
        "base": base,
        "then": then,
        "now": git("rev-parse", "HEAD"),
        "folder": git("rev-parse", "--show-prefix"),
        "dirty": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".")),
        "alerts": compare_faces(*revisions.read_both(then, "stages/fetch/provenance.json")),
        "stages": compare_locks(*revisions.read_both(then, "dvc.lock")),
        "claims": compare_claims(*revisions.read_both(then, "stages/analyze/claims.json")),
        "figures": [(path, *there) for path, there in sorted(revisions.changed_figures(then).items())],
    }
    revisions.make_readable(then)
    status, params, metrics = revisions.ask_dvc(then)
    changed = sorted(params.get("params.yaml", {}).items())
    review["params"] = [(name, str(value["old"]), str(value["new"])) for name, value in changed]
    review["stale"], review["missing"] = revisions.check_stages(status)
    review["metrics"], review["other_metrics"] = compare_metrics(metrics)
    return review


def render_review(review: Mapping[str, Any]) -> str:
    """Render Markdown; on GitHub, with the figures as they were and are."""
    environment = Environment(  # noqa: S701 - Markdown, escaped by the filters below
        loader=PackageLoader("sparsefaces.review", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        filter_.__name__: filter_ for filter_ in (markdown.line_of, markdown.text, markdown.code, markdown.cell)
    }
    repository = os.environ.get("GITHUB_REPOSITORY")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    raw = f"{server}/{repository}/raw" if repository else None
    return environment.get_template("review.md.j2").render(review, models=list(TRAININGS), raw=raw)


def compare_faces(then: Json | None, now: Json | None) -> list[str]:
    """Say what changed between two provenance.json, and whether the faces now are those asked for."""
    if now is None:
        return []
    alerts = []
    if then and then["source"] != now["source"]:
        alerts.append(f"The data source changed from {then['source']} to {now['source']}.")
    elif then and then["sha256"] != now["sha256"]:
        alerts.append(f"The {FACES} changed.")
    if alerts and then:
        alerts[0] += f" {_faces(then)} became {_faces(now)}: the metrics below are of different data."
    if now["source"] != now["wanted"]:
        alerts.append(f"These are not the {now['wanted']} {FACES}, but {now['source']}: {now['fallback_reason']}.")
    return alerts


def compare_locks(then: Json | None, now: Json | None) -> list[tuple[str, list[str], list[str]]]:
    """Find the stages whose records in two dvc.lock differ, and in what that they read and leave."""
    old, new = ((lock or {}).get("stages", {}) for lock in (then, now))
    rows = []
    for stage in dict.fromkeys([*new, *old]):
        one, other = old.get(stage, {}), new.get(stage, {})
        if one != other:
            parts = {"cmd": "command", "params": "params"}
            read = [name for part, name in parts.items() if one.get(part) != other.get(part)]
            # What a stage reads of another is called by the other's name; what it leaves, without its folder.
            deps = [path.split("/")[1] if path.startswith("stages/") else path for path in _changed(one, other, "deps")]
            left = [path.removeprefix(f"stages/{stage}/") for path in _changed(one, other, "outs")]
            rows.append((stage, list(dict.fromkeys(read + deps)), left))
    return rows


def compare_metrics(diff: Json) -> tuple[list[tuple[str, str, list[str]]], list[tuple[str, str]]]:
    """Order what `dvc metrics diff --json` says by metric and model; analyze repeats what a training says."""
    cells: dict[str, dict[str, str]] = {}
    others = []
    models = {stage: model for model, stage in TRAININGS.items()}
    for path, changes in diff.items():
        stage = Path(path).parent.name
        for name, change in changes.items():
            model, _, metric = (models[stage], ".", name) if stage in models else name.partition(".")
            cell = _change(metric or name, change)
            if metric and model in TRAININGS:
                cells.setdefault(metric, {})[model] = cell
            else:
                others.append((f"{stage}: {name}", cell))
    ranked = [name for name in METRICS if name in cells] + sorted(cells.keys() - METRICS)
    rows = [(name, _known(name).arrow, [cells[name].get(model, "unchanged") for model in TRAININGS]) for name in ranked]
    return rows, sorted(others)


def compare_claims(then: Json | None, now: Json | None) -> list[tuple[str, str, str, str]]:
    """Find the claims whose verdict differs, with what is known of them now."""
    # Several claims may measure the same sentence, each otherwise.
    old, new = (
        {f"{claim['claim']} ({claim['measure']})": claim for claim in (record or {}).get("claims", [])}
        for record in (then, now)
    )
    rows = []
    for name in dict.fromkeys([*new, *old]):
        before, after = (claims[name]["verdict"] if name in claims else "not made" for claims in (old, new))
        if before != after:
            rows.append((name, before, after, _evidence(new[name]) if name in new else ""))
    return rows


def _faces(record: Json) -> str:
    return f"{record['images']:,} {FACES} of {record['height']} x {record['width']} pixels from {record['source']}"


def _changed(one: Json, other: Json, kind: str) -> list[str]:
    old, new = ({item["path"]: item.get("md5") for item in record.get(kind, [])} for record in (one, other))
    return [path for path in dict.fromkeys([*new, *old]) if old.get(path) != new.get(path)]


def _change(metric: str, change: Json) -> str:
    old, new = change.get("old"), change.get("new")
    shown = f"{_show(old)} → {_show(new)}"
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return shown
    verdict = _known(metric).judge(new - old)
    return f"{shown} ({new - old:+.4g}{', ' + verdict if verdict else ''})"


def _known(metric: str) -> Metric:
    """Say what is known of a metric, also of one in a group, such as held_out.rec."""
    return METRICS.get(metric.rpartition(".")[2], UNKNOWN)


def _show(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _evidence(claim: Json) -> str:
    if claim["interval"] is None:
        return "not measured"
    low, high = claim["interval"]
    return f"difference {claim['difference']:.4g} [{low:.4g}, {high:.4g}]"
