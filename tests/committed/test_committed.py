"""What is committed holds together: results, pages, params.yaml. No other test looks at it."""

import csv
import hashlib
import json
import re
import subprocess
import sys

import pytest
import yaml
from projects import ROOT

from sparsefaces.base.params import load_params

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
MODELS, TERMS = ("dense", "sparse"), ("rec", "spa", "ent", "reg")
ROWS = {  # of results, by metric
    "rec": "Reconstruction error `rec`",
    "explained_variance": "Explained variance",
    "held_out explained_variance": "Explained variance, people held out",
    "spa": "L1 norm of the code `spa`",
    "l0": "Active units per face, of 400 (L0)",
    "hoyer": "Hoyer sparsity of the codes",
    "ent": "Sum of 1 / mean activation `ent`",
    "reg": "Squared norm of the decoder `reg`",
    "effective_area": "Share of the image that a filter covers, median",
    "border_energy": "Energy of a filter in the image's border, median",
}


def result(path: str) -> str:
    return (ROOT / "stages" / path).read_text(encoding="utf-8")


def lines(start: str) -> list[tuple[str, str]]:
    return [(page, line) for page, text in TEXTS.items() for line in text.splitlines() if re.match(start, line)]


def shows(text: str, *values: float) -> bool:
    """Tell whether the numbers in a text are these, each as exact as it is written."""
    shown = re.findall(r"-?\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d)", "", text.replace("\u2212", "-")))
    exact = [0.51 * 10 ** -len(number.partition(".")[2]) for number in shown]
    return all(abs(float(one) - value) <= by for one, value, by in zip(shown, values, exact, strict=True))


def terms(text: str, *key: str) -> dict[tuple[str, ...], list[float]]:
    rows = csv.DictReader(text.splitlines())
    return {tuple(row[name] for name in key): [float(row[name]) for name in TERMS] for row in rows}


def test_params_yaml__is_valid_and_explains_every_key():
    load_params(ROOT / "params.yaml")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    keys = [line for line in text.splitlines() if re.match(r"  \w+:", line)]
    assert len(keys) == sum(map(len, yaml.safe_load(text).values()))
    assert [line for line in keys if "#" not in line] == []


def test_dvc_lock__is_in_sync():
    outs = [
        out for stage in yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"].values() for out in stage["outs"]
    ]
    arrays = [(ROOT / out["path"], out["md5"]) for out in outs if out["path"].endswith(".npy")]
    others = [path.name for path, md5 in arrays if path.exists() and hashlib.md5(path.read_bytes()).hexdigest() != md5]
    if others:  # DVC would make them again, whatever else is in sync
        pytest.skip(f"{', '.join(others)} are not dvc.lock's: git clean -fX stages")
    command = [sys.executable, "src/check.py", "lock"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_report__published_is_that_of_the_committed_results_and_small():
    outs = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]["analyze"]["outs"]
    (md5,) = (out["md5"] for out in outs if out["path"] == "stages/analyze/report.html")
    published = ROOT / "examples/report.html"
    assert published.exists(), "make publish"
    assert hashlib.md5(published.read_bytes()).hexdigest() == md5, "make publish"
    assert published.stat().st_size <= 2_000_000


@pytest.mark.parametrize("metric", ROWS)
def test_pages__results_are_the_committed_ones(metric):
    results = json.loads(result("analyze/metrics.json"))
    rows = lines(re.escape(f"| {ROWS[metric]} |"))
    assert "docs/results.md" in dict(rows)
    for page, row in rows:
        for cell, model in zip(row.split("|")[2:4], MODELS, strict=True):
            *where, name = metric.split()
            value = (results[model]["held_out"] if where else results[model])[name]
            assert shows(cell, value * (100 if "%" in cell else 1)), (page, row)


def test_pages__rows_of_the_trainings_are_the_committed_ones():
    ours = {model: terms(result(f"train_{model}/history.csv"), "step") for model in MODELS}
    theirs = terms((ROOT / "tests/committed/exercise_table.csv").read_text(), "model", "step")
    terminal, beside = lines(r" *\d+(?: +\d+\.\d\d){4}$"), lines(r"\| (?:dense|sparse) \| [\d,]+ \|")
    assert (len(terminal), len(beside)) == (4, 2)
    for page, row in terminal:
        step, values = row.split(maxsplit=1)
        assert shows(values, *ours["dense"][(step,)]), (page, row)
    for page, row in beside:
        model, step, values = re.match(r"\| (\w+) \| (\S+) \| (.*)", row.replace(",", "")).groups()
        pairs = zip(ours[model][(step,)], theirs[model, step], strict=True)
        assert shows(values, *(value for pair in pairs for value in pair)), (page, row)


def cells(page: str) -> list[list[str]]:
    """Read the rows of a page's tables, without their outer bars."""
    return [re.split(r" *\| *", line)[1:-1] for line in page.splitlines() if line.startswith("|")]


def test_pages__claims_over_seeds_are_those_of_the_committed_claims():
    claims = json.loads(result("analyze/claims.json"))["claims"]
    rows = cells((ROOT / "examples/seeds.md").read_text(encoding="utf-8"))[2:]
    assert {row[0] for row in rows if not row[1]} == {f"**{claim['claim']}**" for claim in claims}
    measured = [row for row in rows if row[1]]
    for row, claim in zip(measured, claims, strict=True):
        assert row[0] == claim["measure"]
        assert row[-1] == claim["verdict"] or re.search(r" with \d of \d seeds$", row[-1])
        assert shows(row[4], *claim["interval"]), row  # the others are means over seeds
    section = TEXTS["docs/results.md"].split("## What is claimed")[1].split("\n## ")[0]
    quoted = [row[1:] for row in cells(section)[2:]]
    assert quoted
    assert [row for row in quoted if row not in [[*of[:3], of[-1]] for of in measured]] == []
