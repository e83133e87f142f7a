from contextlib import closing

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from samples import EACH_LIBRARY, PARAMS, model_params, params

from sparsefaces.base import progress
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Coefficients, load_params
from sparsefaces.training.batches import Batches, draw_batch
from sparsefaces.training.engine import Engine
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.loop import fit, train_model
from sparsefaces.training.outputs import Training, load_training, save_training
from sparsefaces.training.schedules import SCHEDULES
from sparsefaces.training.table import TrainingTable
from sparsefaces.training.weights import initialize

MACHINE = load_params(PARAMS).machine.model_copy(update={"device": "cpu"})


@pytest.fixture
def X(faces):
    flat = faces.reshape(len(faces), -1)
    return (flat - flat.mean(axis=0)) / flat.std()


@settings(max_examples=50)
@given(seed=st.integers(0, 2**63 - 1), step=st.integers(0, 10**6), faces=st.integers(1, 300), data=st.data())
def test_draw_batch__names_distinct_faces_and_is_a_function_of_seed_and_step(seed, step, faces, data):
    size = data.draw(st.integers(1, faces))
    rows = draw_batch(seed, step, faces, size)
    assert len(set(rows.tolist())) == size
    assert 0 <= rows.min() <= rows.max() < faces
    assert (rows == draw_batch(seed, step, faces, size)).all()


def test_draw_batch__covers_faces_evenly_and_differs_from_step_to_step():
    counts = np.zeros(50, dtype=int)
    batches = [draw_batch(0, step, 50, 10) for step in range(5000)]
    for rows in batches:
        counts[rows] += 1
    # Each face is expected 1000 times, with a standard deviation of sqrt(5000 * .2 * .8) = 28.
    assert abs(counts - 1000).max() < 5 * 28
    assert len({tuple(rows) for rows in batches}) == 5000
    assert (draw_batch(1, 0, 50, 10) != batches[0]).any()


def test_random_numbers__of_batches_and_initial_weights_are_two_streams_of_a_seed_that_no_version_may_change():
    """A step's numbers begin 2^128 blocks after those of the step before."""
    batches = np.random.Generator(np.random.Philox(key=7, counter=3 * 2**128))
    assert (draw_batch(7, 3, 1000, 100) == batches.choice(1000, 100, replace=False)).all()
    weights = np.random.Generator(np.random.Philox(key=7 + 2**64))
    V = weights.standard_normal((9, 4)) / 3
    assert (V.astype(np.float32) == initialize(9, 4, 7).V).all()


def test_initialize__has_the_scale_of_the_exercise():
    weights = initialize(1036, 400, seed=3)
    assert float(weights.V.std()) == pytest.approx(1036**-0.5, rel=0.01)
    assert float(weights.V.mean()) == pytest.approx(0, abs=1e-3)
    assert all(float(np.abs(t).sum()) == 0 for t in (weights.W, weights.b, weights.a))
    assert (initialize(1036, 400, seed=4).V != weights.V).any()


def test_fit__logs_each_tenth_row_and_the_last_before_their_updates(X):
    _, history = fit(X, params(iterations=25), model_params(1.0))
    assert [row["step"] for row in history] == [0, 10, 20, 24]
    assert list(history[0])[:5] == ["step", "rec", "spa", "ent", "reg"]
    assert history[0]["reg"] == 0  # W starts at zero
    assert history[-1]["rec"] < history[0]["rec"]


def test_batches__are_the_faces_drawn_for_each_step_in_any_order(X):
    read = {seed: Batches(X, seed, 10, part=slice(2, 7)) for seed in (0, 1)}
    for seed, step in ((0, 99), (0, 100), (1, 100), (0, 3), (1, 12345)):
        assert (read[seed].read(step).numpy() == X[draw_batch(seed, step, len(X), 10)[2:7]]).all()


def test_fit__takes_the_schedule_of_the_learning_rate(X):
    filters = [fit(X, params(learning_rate_schedule=name), model_params())[0].filters for name in SCHEDULES]
    assert len({array.tobytes() for array in filters}) == 3


def test_fit__dense_and_sparse_start_from_the_same_weights_and_see_the_same_batches(X, monkeypatch):
    seen, read = [], Batches.read

    def record(self, step):
        seen.append(read(self, step).tolist())
        return read(self, step)

    monkeypatch.setattr(Batches, "read", record)
    _, dense = fit(X, params(iterations=5), model_params(0.0))
    _, sparse = fit(X, params(iterations=5), model_params(1.0))
    terms = ("rec", "spa", "ent", "reg")
    assert [dense[0][term] for term in terms] == [sparse[0][term] for term in terms]
    assert seen[:5] == seen[5:]


def test_fit__same_seed_gives_the_same_bits_and_another_seed_others(X):
    first, again, other = (fit(X, params(seed=seed), model_params(1.0))[0] for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first.weights, again.weights, strict=True))
    assert (first.filters != other.filters).any()


def test_fit__sparse_codes_have_a_smaller_norm_than_dense_ones(X):
    values = {}
    for lambd in (0.0, 1.0):
        model, _ = fit(X, params(iterations=300), model_params(lambd))
        values[lambd] = evaluate(X, model, Coefficients(0, 0, 0))
    assert values[1.0]["spa"] < values[0.0]["spa"]
    assert values[1.0]["rec"] > values[0.0]["rec"]


def test_fit__reports_silent_units_and_survives_them(X):
    faces = X - 100 * (X.mean(0) + 1)  # far from the origin: some units never fire
    model, history = fit(faces, params(learning_rate=1e-4), model_params())
    start = initialize(30, 8, seed=0)
    codes = np.maximum(faces[draw_batch(0, 0, 60, 10)] @ start.V + start.b, 0)
    assert 0 < history[0]["silent_units"] == (codes == 0).all(axis=0).sum()
    assert history[0]["ent"] == float("inf")
    assert history[0]["min_mean_activation"] == 0
    assert all(np.isfinite(t).all() for t in model.weights)


def test_fit__batch_larger_than_the_data_is_an_error_that_names_both(X):
    with pytest.raises(UserError, match=r"train.batch_size is 61, but there are 60 images"):
        fit(X, params(batch_size=61), model_params(0.0))


def test_fit__divergence_is_an_error_that_names_the_step(X):
    X = np.full_like(X, 1e30)
    with pytest.raises(UserError, match=r"diverged: rec is (inf|nan) at step 0"):
        fit(X, params(), model_params(0.0))


@pytest.mark.parametrize("lambd", [0.0, 1.0])
def test_fit__learning_rate_of_10_is_stopped_within_one_logging_interval(X, lambd):
    with pytest.raises(UserError, match=r"diverged: rec is .* at the start at step 10; lower train.learn"):
        fit(X, params(learning_rate=10.0), model_params(lambd))


def test_fit__divergence_in_the_last_update_is_an_error_too(X, monkeypatch):
    monkeypatch.setattr(Engine, "advance", lambda engine: engine.weights.b.fill_(float("nan")))
    with pytest.raises(UserError, match="diverged: the weights are not finite at step 0"):
        fit(X, params(iterations=1), model_params(0.0))


@pytest.mark.parametrize(("units", "batch"), [(400, 100), (16, 9)])  # MKL splits the sums of small products
@pytest.mark.parametrize("products", EACH_LIBRARY)
@pytest.mark.parametrize("how", [{}, {"activation": "topk", "k": 5}])
def test_train_model__one_thread_two_or_auto_give_the_same_bits(how, products, units, batch):
    X = np.random.default_rng(0).standard_normal((760, 1036)).astype(np.float32)
    sizes = params(hidden_units=units, batch_size=batch, iterations=21, learning_rate=1e-4)
    before = torch.get_num_threads()
    trainings = []
    for threads in (1, "auto") if products == "onednn" else (1, 2, "auto"):
        torch.set_num_threads(2)
        machine = MACHINE.model_copy(update={"products": products, "threads": threads})
        trainings.append(train_model(X, sizes, model_params(**how), machine))
    torch.set_num_threads(before)
    first, *others = trainings
    for other in others:
        assert all(
            (mine == theirs).all() for mine, theirs in zip(first.model.weights, other.model.weights, strict=True)
        )
        assert (first.history, first.metrics) == (other.history, other.metrics)


def test_training_table__prints_each_thousand_and_the_last_also_where_rows_lie_elsewhere(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    row = {"rec": 1.0, "spa": 2.0, "ent": float("inf"), "reg": 3.0}
    with closing(TrainingTable("train", 2501)) as table:
        for step in range(2501):
            table.on_step(step, row | {"step": step} if step % 300 == 0 or step == 2500 else None)
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert captured.err.endswith("train: 2,501 it (100%)\n")
    assert [line.split()[0] for line in lines] == ["nbit", "0", "1200", "2100", "2500"]
    assert lines[1].split() == ["0", "1.00", "2.00", "inf", "3.00"]


def test_training__comes_back_as_it_was_left(in_tmp, X):
    model, history = fit(X, params(), model_params())
    metrics = evaluate(X, model, Coefficients(1.0, 0.01, 1.0))
    save_training("train_sparse", Training(model, history, metrics))
    again = load_training("train_sparse", X.shape[1])
    assert (again.history, again.metrics) == (history, metrics)
    assert all((a == b).all() for a, b in zip(again.model.weights, model.weights, strict=True))
