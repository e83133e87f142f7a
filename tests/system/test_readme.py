"""What the README shows is there, and its figures are those of the committed results."""

import json
import re
import subprocess

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text()
# The README's rows, by the metric they show and what one unit of it is there.
ROWS = {
    "rec": ("Reconstruction error `rec`", 1),
    "explained_variance": ("Explained variance", 100),
    "psnr": ("PSNR", 1),
    "spa": ("L1 norm of the code `spa`", 1),
    "l0": ("Active units a face, of 400 (L0)", 1),
    "hoyer": ("Hoyer sparsity of the codes", 1),
    "ent": ("Sum of 1 / mean activation `ent`", 1),
    "silent_units": ("Units silent on every face", 1),
    "reg": ("Squared norm of the decoder `reg`", 1),
    "effective_area": ("Share of the image that a filter covers, median", 100),
}


@pytest.fixture(scope="module")
def committed():
    """The committed comparison; what lies in stages/ may be of a run since."""
    show = ["git", "show", "HEAD:stages/analyze/metrics.json"]
    done = subprocess.run(show, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no Git clone, so there are no committed results to compare with")
    return json.loads(done.stdout)


@pytest.mark.parametrize("metric", ROWS)
def test_readme__results_are_the_committed_ones(metric, committed):
    label, factor = ROWS[metric]
    (row,) = (line for line in README.splitlines() if line.startswith(f"| {label} |"))
    for cell, model in zip(row.split("|")[2:4], ("dense", "sparse"), strict=True):
        shown = re.search(r"[\d.]+", cell).group()
        decimals = len(shown.partition(".")[2])
        assert float(shown) == pytest.approx(committed[model][metric] * factor, abs=0.51 * 10**-decimals)


def test_readme__pictures_and_links_lead_somewhere():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert len(targets) >= 4
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_readme__make_targets_exist_and_help_lists_them():
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE))
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"repro", "test", "ui", "verify"} <= named <= set(re.findall(r"make (\w+)", helped))
