"""What README.md, CONTRIBUTING.md and docs/ show is there, and their figures are those of the committed results."""

import csv
import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import PurePosixPath
from posixpath import normpath

import pytest
import yaml
from projects import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES)
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
MODELS, TERMS = ("dense", "sparse"), ("rec", "spa", "ent", "reg")
ROWS = {  # of results, by metric
    "rec": "Reconstruction error `rec`",
    "explained_variance": "Explained variance",
    "psnr": "PSNR",
    "spa": "L1 norm of the code `spa`",
    "l0": "Active units per face, of 400 (L0)",
    "hoyer": "Hoyer sparsity of the codes",
    "ent": "Sum of 1 / mean activation `ent`",
    "silent_units": "Units silent on every face",
    "reg": "Squared norm of the decoder `reg`",
    "effective_area": "Share of the image that a filter covers, median",
}


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        pytest.skip("no Git clone, so there is nothing committed to compare with")
    return done.stdout


def committed(path: str) -> str:
    return git("show", f"HEAD:./{path}")  # what lies in stages/ may be of a run since


def lines(start: str) -> list[tuple[str, str]]:
    return [(page, line) for page, text in TEXTS.items() for line in text.splitlines() if re.match(start, line)]


def shows(text: str, *values: float) -> bool:
    """Tell whether the numbers in a text are these, each as exact as it is written."""
    shown = re.findall(r"-?\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d)", "", text.replace("\u2212", "-")))
    exact = [0.51 * 10 ** -len(number.partition(".")[2]) for number in shown]
    return all(abs(float(one) - value) <= by for one, value, by in zip(shown, values, exact, strict=True))


def spans(page: str) -> list[str]:
    """List what stands in backticks on a page, outside of blocks of code."""
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", TEXTS[page], flags=re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def there() -> set[str]:
    """What is in Git or made by a stage: files, and the folders that they lie in."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    outs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    files = [*git("ls-files").splitlines(), *(out if isinstance(out, str) else next(iter(out)) for out in outs)]
    return {path for file in files for path in (file, *map(str, PurePosixPath(file).parents))}


@pytest.mark.parametrize("metric", ROWS)
def test_pages__results_are_the_committed_ones(metric):
    results = json.loads(committed("stages/analyze/metrics.json"))
    rows = lines(re.escape(f"| {ROWS[metric]} |"))
    assert "docs/results.md" in dict(rows)
    for page, row in rows:
        for cell, model in zip(row.split("|")[2:4], MODELS, strict=True):
            assert shows(cell, results[model][metric] * (100 if "%" in cell else 1)), (page, row)


def terms(path: str, *key: str) -> dict[tuple[str, ...], list[float]]:
    rows = csv.DictReader(committed(path).splitlines())
    return {tuple(row[name] for name in key): [float(row[name]) for name in TERMS] for row in rows}


def test_pages__rows_of_the_trainings_are_the_committed_ones():
    ours = {model: terms(f"stages/train_{model}/history.csv", "step") for model in MODELS}
    theirs = terms("src/sparsefaces/exercise_table.csv", "model", "step")
    terminal, beside = lines(r" *\d+(?: +\d+\.\d\d){4}$"), lines(r"\| (?:dense|sparse) \| [\d,]+ \|")
    assert (len(terminal), len(beside)) == (11, 8)
    for page, row in terminal:
        step, values = row.split(maxsplit=1)
        assert shows(values, *ours["dense"][(step,)]), (page, row)
    for page, row in beside:
        model, step, values = re.match(r"\| (\w+) \| (\S+) \| (.*)", row.replace(",", "")).groups()
        pairs = zip(ours[model][(step,)], theirs[model, step], strict=True)
        assert shows(values, *(value for pair in pairs for value in pair)), (page, row)


def test_results__claims_are_the_committed_ones_and_pca_wins_per_bit_as_the_pages_say():
    record = json.loads(committed("stages/analyze/claims.json"))
    table = TEXTS["docs/results.md"].split("<!-- claims -->")[1].split("<!-- /claims -->")[0]
    seeds = {3: "three", 5: "five"}[table.count("difference, seed ")]
    assert f"{seeds} seeds" in " ".join(TEXTS["README.md"].split())
    assert f"{seeds} seeds" in " ".join(TEXTS["docs/results.md"].split())
    rows = [re.split(r" *\| *", line)[1:-1] for line in table.splitlines()[3:]]
    assert {row[0] for row in rows if not row[1]} == {f"**{claim['claim']}**" for claim in record["claims"]}
    for row, claim in zip((row for row in rows if row[1]), record["claims"], strict=True):
        assert row[0] == claim["measure"]
        assert row[-1] == claim["verdict"] or re.fullmatch(rf"holds with \d of {len(row) - 4} seeds", row[-1])
        values = [claim[name] for name in ("dense", "sparse", "difference")]
        assert shows(" ".join(row[1:4]), *values, *claim["interval"]), row
    pca = [note for note in record["notes"] if re.match("Against PCA .*, at equal bits: the sparse code loses", note)]
    assert ["wins" in note for note in pca] == [False, False]


def test_benchmark__rows_are_those_that_make_bench_wrote():
    shown = "\n".join(line for _, line in lines(r"\|.* \d+\.\d+ to "))
    assert shown
    assert shown in (ROOT / "examples/benchmark.md").read_text(encoding="utf-8")


@every_page
def test_pages__links_and_pictures_lead_somewhere(page, there):
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]) if "://" not in target]
    for target in targets:
        path, _, anchor = target.partition("#")
        found = normpath(f"{PurePosixPath(page).parent}/{path}") if path else page
        assert found in there, target
        titles = re.findall(r"^#+ (.+)$", TEXTS.get(found, ""), flags=re.MULTILINE)
        assert anchor in {"", *(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)}, target


@every_page
def test_pages__make_targets_exist_and_help_lists_them(page):
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", TEXTS[page], flags=re.MULTILINE))
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert named <= set(re.findall(r"make (\w+)", helped))


@every_page
def test_pages__parameters_exist(page):
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    named = re.findall(rf"(?<![\w/])({'|'.join(params)})\.(?!py\b)(\w+)", "\n".join(spans(page)))
    assert [f"{section}.{key}" for section, key in named if key not in params[section]] == []


@every_page
def test_pages__paths_and_tests_exist(page, there):
    words = {word.rstrip("/.,:") for span in spans(page) for word in span.split() if "<" not in word}
    paths = [
        word for word in words if f"{word}/".startswith(("src/", "tests/", "tools/", "docs/", "stages/", "examples/"))
    ]
    assert [path for path in paths if not any(fnmatch(file, path) for file in there)] == []
    assert {word for word in words if re.fullmatch(r"test_\w+\.py", word)} <= {path.split("/")[-1] for path in there}
