"""What the review makes of two records of results, then and now."""

import pytest
from samples import claim

from sparsefaces.base.words import FACES
from sparsefaces.metrics import METRICS
from sparsefaces.review.page import compare_claims, compare_faces, compare_metrics

ORL = {
    "source": "orl",
    "wanted": "orl",
    "images": 400,
    "height": 33,
    "width": 27,
    "sha256": "a",
    "fallback_reason": None,
}


def test_faces__fallback_is_an_alert_even_where_nothing_changed():
    fallback = ORL | {"wanted": "lfw", "fallback_reason": "LFW could not be downloaded (timed out)"}
    (alert,) = compare_faces(fallback, fallback)
    assert alert == f"These are not the lfw {FACES}, but orl: LFW could not be downloaded (timed out)."


def test_faces__another_size_is_an_alert_and_the_same_faces_are_none():
    (alert,) = compare_faces(ORL, ORL | {"height": 56, "sha256": "b"})
    assert "33 x 27" in alert
    assert "56 x 27" in alert
    (alert,) = compare_faces(ORL, ORL | {"sha256": "b"})
    assert alert.startswith(f"The {FACES} changed. ")
    (alert, _) = compare_faces(ORL | {"source": "lfw"}, ORL | {"wanted": "lfw"})
    assert alert.startswith("The data source changed from lfw to orl. ")
    assert compare_faces(ORL, ORL) == compare_faces(None, ORL) == compare_faces(None, None) == []


def test_claims__only_those_whose_verdict_differs():
    then = {"claims": [claim("local", "holds"), claim("sparser", "holds"), claim("gone", "holds")]}
    now = {"claims": [claim("local", "not decided"), claim("sparser", "holds"), claim("new", "does not hold")]}
    evidence = "difference -0.1 [-0.12, -0.08]"
    assert compare_claims(then, now) == [
        ("local (effective area)", "holds", "not decided", evidence),
        ("new (effective area)", "not made", "does not hold", evidence),
        ("gone (effective area)", "holds", "not made", ""),
    ]
    assert compare_claims(None, None) == []


def test_metrics__infinite_and_unknown_ones_have_no_verdict():
    diff = {
        "stages/train_sparse/metrics.json": {"ent": {"old": 2.0, "new": None}, "odd": {"old": 1, "new": 2, "diff": 1}},
        "stages/analyze/metrics.json": {
            "sparse.held_out.rec": {"old": 1.0, "new": 2.0, "diff": 1.0},
            "sparse.rec": {"old": 2.0, "new": 1.5, "diff": -0.5},
            "seeds": {"old": 3, "new": 4, "diff": 1},
        },
    }
    rows, others = compare_metrics(diff)
    assert rows == [
        ("rec", "↓", ["unchanged", "2 → 1.5 (-0.5, better)"]),
        ("ent", "↓", ["unchanged", "2 → none"]),
        ("held_out.rec", "↓", ["unchanged", "1 → 2 (+1, worse)"]),
        ("odd", "", ["unchanged", "1 → 2 (+1)"]),
    ]
    assert others == [("analyze: seeds", "3 → 4 (+1)")]


@pytest.mark.parametrize(
    ("metric", "difference", "said"),
    [("rec", 1, "worse"), ("rec", -1, "better"), ("hoyer", 0.1, "sparser"), ("l0", 1, "less sparse"), ("l0", 0, "")],
)
def test_metrics__a_change_is_judged_by_the_way_it_should_go(metric, difference, said):
    assert METRICS[metric].judge(difference) == said
