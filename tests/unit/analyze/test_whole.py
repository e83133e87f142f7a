"""All of the evidence on a few faces, and what analyze leaves of it."""

import json

import numpy as np
import pytest
from samples import PARAMS

from sparsefaces.analyze import parallel
from sparsefaces.analyze.evidence import gather_evidence
from sparsefaces.analyze.outputs import ANALYZE, save_comparison
from sparsefaces.base.files import read_csv
from sparsefaces.base.params import load_params
from sparsefaces.metrics import BITS_PER_ACTIVATION, code_bits
from sparsefaces.standardize.dataset import load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training.loop import fit
from sparsefaces.training.outputs import Training

pytestmark = pytest.mark.filterwarnings("ignore:Objective did not converge", "ignore:Maximum number of iterations")


@pytest.fixture
def gathered(in_tmp, faces, monkeypatch):
    """Gather the evidence on some of sixty faces of 20 people, of whom some are held out from training."""
    monkeypatch.setattr(parallel, "cpu_count", lambda: 1)
    params = load_params(PARAMS)

    def gather(train_mask, most):
        save_standardized(faces, measure_scaling(faces, train_mask), train_mask)
        data = load_dataset()
        X = np.asarray(data.training[:])
        models = {name: fit(X, params.train, params.of_model(f"train_{name}"))[0] for name in ("dense", "sparse")}
        analyze = params.analyze.model_copy(update={"most_faces": most, "faces": 3})
        return gather_evidence(
            data,
            (np.arange(60) // 3).astype(np.int32),
            {name: Training(model, [], {}) for name, model in models.items()},
            params.model_copy(update={"analyze": analyze}),
        )

    return gather


def test_evidence__is_of_all_faces_with_models_trained_again_on_four_fifths_of_the_people(gathered, in_tmp):
    evidence = gathered(np.ones(60, bool), 100)
    assert "sample" not in evidence.claims
    assert evidence.claims["notes"][0].startswith("Fitted on 48 faces, judged on 12 of 4 other people")
    methods = [row["method"] for row in evidence.claims["methods"]]
    assert sorted(methods) == ["NMF", "PCA", "dense", "dictionary learning", "sparse"]
    assert {name: codes.shape for name, codes in evidence.codes.items()} == {"dense": (60, 12), "sparse": (60, 12)}
    assert len(evidence.activations) == 3 * 12
    made = {path.name for path in (in_tmp / ".scratch/made/sparsefaces/analyze").iterdir()}
    assert made == {"baselines", "held_out_models", "jpeg"}
    for row in evidence.rate_distortion:
        if row["method"] == "PCA first":
            assert row["bits"] == BITS_PER_ACTIVATION * row["coefficients"]
    strip = evidence.strip
    assert strip.originals.shape == (2, 6, 5)
    assert strip.bits == pytest.approx(code_bits(np.array([1, 2]), 12).tolist())
    assert list(strip.rows) == ["sparse", "dense", "PCA first", "DCT"]
    assert {rows.shape for rows in strip.rows.values()} == {(2, 2, 6, 5)}

    save_comparison({"rec": 1.5}, evidence, {"a": b"png"}, "<html>")
    assert json.loads((ANALYZE / "metrics.json").read_text()) == {"rec": 1.5}
    assert json.loads((ANALYZE / "claims.json").read_text()) == evidence.claims
    assert len(read_csv(ANALYZE / "rate_distortion.csv")) == len(evidence.rate_distortion)
    assert [int(row["rank"]) for row in read_csv(ANALYZE / "activations.csv")] == list(range(36))
    assert (ANALYZE / "a.png").read_bytes() == b"png"
    assert (ANALYZE / "report.html").read_text() == "<html>"


def test_evidence__on_some_faces_of_people_held_out_needs_no_other_models_and_says_so(gathered, in_tmp):
    evidence = gathered(np.arange(60) < 45, 40)
    assert evidence.claims["sample"].startswith("Compared on 40 of the 60 faces, evenly spaced")
    assert evidence.claims["notes"][0].startswith("Fitted on 30 faces, judged on 10 of 5 other people")
    assert len(evidence.faces.X) == len(evidence.codes["dense"]) == 30
    assert not (in_tmp / ".scratch/made/sparsefaces/analyze/held_out_models").exists()
