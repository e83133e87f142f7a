"""A metric without an entry in METRICS ends a training, or the comparison, before it begins."""

import pytest
from samples import PARAMS

from sparsefaces import metrics
from sparsefaces.analyze.methods import check_measures
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params
from sparsefaces.tracking.stages import describe_training


@pytest.mark.parametrize("name", ["gini", "window_energy"])
def test_check_measures__measure_without_an_entry_is_named(monkeypatch, name):
    check_measures()
    monkeypatch.setattr(metrics, "METRICS", {**metrics.METRICS})
    del metrics.METRICS[name]
    with pytest.raises(UserError, match=f"METRICS in src/sparsefaces/metrics.py has no entry for {name}: add it"):
        check_measures()


def test_describe_training__metric_without_an_entry_is_named_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(metrics, "METRICS", {**metrics.METRICS})
    del metrics.METRICS["effective_area"]
    with pytest.raises(UserError, match="has no entry for effective_area: add it"):
        describe_training("train_dense", load_params(PARAMS), None)
