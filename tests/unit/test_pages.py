"""What README.md, CONTRIBUTING.md and docs/ name is there."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import PurePosixPath
from posixpath import normpath

import pytest
import yaml
from projects import ROOT

from sparsefaces.base.params import MODEL_FIELDS, Params
from sparsefaces.metrics import METRICS

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES)
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def spans(page: str) -> list[str]:
    """List what stands in backticks on a page, outside of blocks of code."""
    return re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", TEXTS[page], flags=re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files that are in Git, or will be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        pytest.skip("no Git clone, so nobody knows what belongs to the project")
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


@pytest.fixture(scope="module")
def there(tracked: list[str]) -> set[str]:
    """What is in Git or made by a stage: files, and the folders that they lie in."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    outs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    files = [*tracked, *(out if isinstance(out, str) else next(iter(out)) for out in outs)]
    return {path for file in files for path in (file, *map(str, PurePosixPath(file).parents))}


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
    params = {
        section: {field.alias or name for name, field in model.annotation.model_fields.items()}
        for section, model in Params.model_fields.items()
        if section != "models"
    }
    named = re.findall(rf"(?<![\w/])({'|'.join(params)}|train_\w+)\.(?!py\b)(\w+)", "\n".join(spans(page)))
    assert [f"{section}.{key}" for section, key in named if key not in params.get(section, MODEL_FIELDS)] == []


@every_page
def test_pages__paths_and_tests_exist(page, there):
    words = {word.rstrip("/.,:") for span in spans(page) for word in span.split() if "<" not in word}
    paths = [
        word for word in words if f"{word}/".startswith(("src/", "tests/", "tools/", "docs/", "stages/", "examples/"))
    ]
    assert [path for path in paths if not any(fnmatch(file, path) for file in there)] == []
    assert {word for word in words if re.fullmatch(r"test_\w+\.py", word)} <= {path.split("/")[-1] for path in there}


def test_pages__metrics_page_has_each_metric_once_with_its_direction_and_label():
    rows = re.findall(r"^\| `(\w+)` \| (.) \| ([^|]+?) \|", TEXTS["docs/metrics.md"], flags=re.MULTILINE)
    assert rows == [(name, metric.arrow, metric.label) for name, metric in METRICS.items()]


@every_page
def test_pages__a_name_in_a_file_stands_in_that_file(page):
    text = re.sub(r"\s+", " ", TEXTS[page])
    named = re.findall(r"`([A-Za-z_][\w.]*)` (?:in|of) `((?:src|tools|tests)/[\w/.]+\.\w+)`", text)
    assert [(name, path) for name, path in named if name.split(".")[-1] not in (ROOT / path).read_text()] == []


@every_page
def test_pages__identifiers_are_of_the_source(page, source):
    named = {part for span in spans(page) for part in re.findall(r"(?<![\w/.$-])[A-Za-z]\w*_\w+(?![\w/-])", span)}
    others = ("test_", "MLFLOW_", "REQUESTS_CA_BUNDLE")  # settings of other programs, which no file of ours names
    assert sorted(name for name in named if name not in source and not name.startswith(others)) == []


@pytest.fixture(scope="module")
def source(tracked: list[str]) -> str:
    """All that is not a page, as one text: code, parameters, stages, the Makefile."""
    kinds = (".py", ".sh", ".yaml", ".yml", ".toml", ".json", ".ini", "Makefile", ".lock")
    files = [name for name in tracked if name.endswith(kinds) and not name.startswith("stages/")]
    own = ("params.yaml", "dvc.lock")  # which are the user's: tests/params.yaml has the same keys
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files if name not in own)
