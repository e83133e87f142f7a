"""What a reviewer needs to know of a change, as one page of Markdown."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from statistics import stdev
from typing import Any

from tabulate import tabulate

from sparsefaces.analyze.claims import models_of
from sparsefaces.metrics.table import METRICS
from sparsefaces.review.changes import CLAIMS, dvc, read_at, run

RESULTS, FACES = "stages/analyze/metrics.json", "stages/fetch/provenance.json"
HEADLINE = ("explained_variance", "l0")  # the metrics of the first line

Values = Mapping[str, Any]
Models = Mapping[str, Sequence[Values]]  # by name: the metrics before, now, and with each seed


def review(base: str, stale: Sequence[str]) -> str:
    """Compare the last commit with the one at which this branch left a base.

    Args:
        base: A branch or commit.
        stale: Stages that dvc.lock does not match.

    Raises:
        UserError: `base` names nothing, or Git or DVC fails.
    """
    then = run("git", "merge-base", base, "HEAD")
    faces, claims, results = ([read_at(commit, path) for commit in (then, "HEAD")] for path in (FACES, CLAIMS, RESULTS))
    results += _seeds(results[0])
    names = (name for name in results[0] | results[1] if results[0].get(name) != results[1].get(name))
    models = {name: [values.get(name, {}) for values in results] for name in names}
    verdicts = list(_verdicts(*(values.get("claims", []) for values in claims)))
    changes = [*_headlines(models), f"{len(verdicts)} of {len(claims[1].get('claims', []))} verdicts changed"]
    parts = [f"**{_params(then)}: {'; '.join(changes)}**", *_alerts(*faces)]
    if stale:
        parts.append(f"> **dvc.lock is out of sync** ({', '.join(stale)}): run `dvc repro` and commit what it changes.")
    parts += [f"Compared with {then[:7]}, where this branch left `{base}`."]
    if address := _github("actions/runs/{GITHUB_RUN_ID}"):
        parts.append(f"[This run of the workflow]({address}) has [a report on the ORL faces]({address}#artifacts).")
    sections = {"Metrics": _metrics(models), "Claims whose verdict changed": verdicts, "Figures": _figures(then)}
    for title, found in sections.items():
        content = list(found)
        parts += [f"### {title}", *content] if content else []
    return "\n\n".join(parts)


def _github(path: str) -> str:
    """Return an address of the repository in a workflow of GitHub's, elsewhere nothing."""
    address = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/" + path
    return address.format_map(os.environ) if "GITHUB_RUN_ID" in os.environ else ""


def _params(then: str) -> str:
    files = json.loads(dvc("params", "diff", then, "HEAD", "--json"))
    changes = {key: [change.get("old"), change.get("new")] for file in files.values() for key, change in file.items()}
    texts = (f"{key} {' to '.join(map(json.dumps, values))}" for key, values in changes.items())
    return ", ".join(texts) or "No parameter changed"


def _headlines(models: Models) -> Iterator[str]:
    for model, values in models.items():
        texts = (f"{METRICS[name].label} {' to '.join(_written(name, values))}" for name in HEADLINE)
        yield f"{', '.join(texts)} ({model})"


def _written(name: str, values: Sequence[Values]) -> list[str]:
    """Write a metric before and now."""
    numbers = [one.get(name) for one in values[:2]]
    return ["none" if number is None else METRICS[name].form.format(number) for number in numbers]


def _alerts(then: Values, now: Values) -> Iterator[str]:
    if now.get("fallback_reason"):
        wanted, source = now["wanted"].upper(), now["source"].upper()
        yield f"> **These are not the {wanted} faces**, but {source}: {now['fallback_reason']}."
    if then.get("sha256") != now.get("sha256"):
        yield f"> **The faces are others** ({then.get('source')} then, {now.get('source')} now): no metric compares."


def _seeds(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Read these results and those of `make seeds` at a commit that has these."""
    refs = [ref.split("/") for ref in run("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/seed-*").split()]
    found = {ref[-1]: read_at("/".join(ref), RESULTS) for ref in refs if read_at(ref[2] + ref[3], RESULTS) == results}
    return [results, *found.values()]


def _metrics(models: Models) -> Iterator[str]:
    rows = []
    for name, metric in METRICS.items():
        changes = [_change(name, values) for values in models.values()]
        if any("→" in change for change in changes):
            rows.append([f"{metric.label} {metric.arrow}", *changes])
    if rows:
        headers = ["metric (↑ more, ↓ less is better)", *models]
        yield tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _change(name: str, values: Sequence[Values]) -> str:
    before, now = _written(name, values)
    numbers: list[Any] = [one.get(name) for one in values]
    if before == now or None in numbers or len(numbers) < 4:  # no seed but the one of the results
        return now if before == now else f"{before} → {now}"
    change, spread = numbers[1] - numbers[0], stdev(numbers[2:])
    call = "**better**" if (change > 0) == (METRICS[name].arrow == "↑") else "**worse**"
    return f"{before} → {now}, {call if abs(change) > spread else 'within the spread over seeds'}"


def _verdicts(then: Sequence[Values], now: Sequence[Values]) -> Iterator[str]:
    before = {(one["claim"], one["measure"], *models_of(one)): one["verdict"] for one in then}
    for one in now:
        old = before.get((one["claim"], one["measure"], *models_of(one)), "not made")
        if old != one["verdict"]:
            yield f"- {one['claim']} ({one['measure']}): {old} → **{one['verdict']}**, interval {one['interval']}"


def _figures(then: str) -> Iterator[str]:
    now = run("git", "rev-parse", "HEAD")
    for path in run("git", "diff", "--name-only", then, "HEAD", "--", ":(glob)stages/**/*.png").splitlines():
        before, after = (_github(f"raw/{commit}/{path}") for commit in (then, now))
        yield f"`{path}`" + (
            f"\n\n| before | now |\n|---|---|\n| ![before]({before}) | ![now]({after}) |" if after else ""
        )
