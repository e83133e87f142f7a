"""The trade-off over a sweep: which trainings are compared, and what is drawn."""

import pytest
from mlflow.entities import Metric, Param, RunTag

from sparsefaces.base.errors import UserError
from sparsefaces.review.tradeoff import draw_tradeoff
from sparsefaces.tracking.store import EXPERIMENT, Store, finished_trainings


def log_training(client, l0, explained, *, status="FINISHED", stage="train_sparse", **params):
    run = client.create_run(client.get_experiment_by_name(EXPERIMENT).experiment_id).info.run_id
    values = {"lambda": 1.0, "activation": "relu", "k": None, "seed": 1, "iterations": 25} | params
    metrics = {"final/l0": l0, "final/explained_variance": explained}
    client.log_batch(
        run,
        [Metric(name, value, 0, 0) for name, value in metrics.items()],
        [Param(name, str(value)) for name, value in values.items()],
        [RunTag("stage", stage)],
    )
    client.set_terminated(run, status)


def test_tradeoff__one_scatter_per_activation_of_the_finished_trainings_that_are_like_the_newest(in_tmp, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{in_tmp}/mlflow.db")  # MLflow sets it, too
    client = Store().client
    with pytest.raises(UserError, match="no finished training"):
        draw_tradeoff(finished_trainings())
    log_training(client, 11.0, 0.8, iterations=99)
    log_training(client, 12.0, 0.7, status="KILLED")
    log_training(client, 13.0, 0.7, stage="analyze")
    log_training(client, 5.0, 0.5, activation="topk", k=5, **{"lambda": 0.0})
    log_training(client, 80.0, 0.9, seed=2, stage="train_dense", **{"lambda": 0.0})
    log_training(client, 20.0, 0.75)
    (axes,) = draw_tradeoff(finished_trainings()).axes
    drawn = {scatter.get_label(): sorted(scatter.get_offsets().tolist()) for scatter in axes.collections}
    assert drawn == {"relu": [[20, 0.75], [80, 0.9]], "topk": [[5, 0.5]]}
    places = {text.get_text(): text.xy for text in axes.texts}
    assert places == {"top-k 5": (5, 0.5), "lambda 0": (80, 0.9), "lambda 1": (20, 0.75)}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["relu", "topk"]
    assert axes.get_xlabel().startswith("active units")
