from contextlib import closing

import numpy as np
import pytest
import torch
from samples import model_params, params

from sparsefaces.base import progress
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Coefficients, MachineParams
from sparsefaces.training.batches import Batches, draw_batch
from sparsefaces.training.engine import Engine
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.loop import choose_threads, fit, train_model
from sparsefaces.training.objective import get_objective_terms, weigh
from sparsefaces.training.outputs import Training, load_training, save_training
from sparsefaces.training.schedules import SCHEDULES
from sparsefaces.training.table import TrainingTable
from sparsefaces.training.weights import initialize

TERMS = ("rec", "spa", "ent", "reg")


@pytest.fixture
def X(faces):
    flat = faces.reshape(len(faces), -1)
    return (flat - flat.mean(axis=0)) / flat.std()


def test_random_numbers__of_batches_and_initial_weights_are_two_streams_of_a_seed_that_no_version_may_change():
    """A step's numbers begin 2^128 blocks after those of the step before."""
    batches = np.random.Generator(np.random.Philox(key=7, counter=3 * 2**128))
    assert (draw_batch(7, 3, 1000, 100) == batches.choice(1000, 100, replace=False)).all()
    V = np.random.Generator(np.random.Philox(key=7 + 2**64)).standard_normal((9, 4)) / 3
    weights = initialize(9, 4, 7)
    assert (V.astype(np.float32) == weights.V).all()
    assert [array.shape for array in weights] == [(9, 4), (4, 9), (4,), (9,)]
    assert not any(array.any() for array in weights[1:])


def test_fit__logs_each_tenth_row_and_the_last_before_their_updates(X):
    _, history = fit(X, params(iterations=25), model_params(0.5))
    assert [row["step"] for row in history] == [0, 10, 20, 24]
    assert history[-1]["rec"] < history[0]["rec"]
    start, batch = initialize(30, 8, seed=0), X[draw_batch(0, 0, 60, 10)]
    weights = [torch.from_numpy(array).requires_grad_() for array in start]
    terms = get_objective_terms(batch, *weights)
    loss = weigh(terms, Coefficients(0.5, 0.005, 0.5))
    loss.backward()
    codes = np.maximum(batch @ start.V, 0)
    expected = dict(zip(TERMS, [term.item() for term in terms], strict=True)) | {
        "loss": loss.item(),
        "gradient_norm": torch.cat([weight.grad.ravel() for weight in weights]).norm().item(),
        "l0": (codes > 0).sum(axis=1).mean(),
        "silent_units": 0,
        "min_mean_activation": codes.mean(axis=0).min(),
    }
    assert history[0] == pytest.approx({"step": 0} | expected, rel=1e-4)


def test_batches__are_the_faces_drawn_for_each_step_in_any_order(X):
    read = {seed: Batches(X, seed, 10, part=slice(2, 7)) for seed in (0, 1)}
    for seed, step in ((0, 99), (0, 100), (1, 100), (0, 3), (1, 12345)):
        assert (read[seed].read(step).numpy() == X[draw_batch(seed, step, len(X), 10)[2:7]]).all()


def test_fit__takes_the_schedule_of_the_learning_rate(X):
    filters = [fit(X, params(learning_rate_schedule=name), model_params())[0].filters for name in SCHEDULES]
    assert len({array.tobytes() for array in filters}) == 3


def test_fit__dense_and_sparse_start_from_the_same_weights_and_batch(X):
    (dense,), (sparse,) = (fit(X, params(iterations=1), model_params(lambd))[1] for lambd in (0.0, 1.0))
    assert [dense[term] for term in TERMS] == [sparse[term] for term in TERMS]


def test_fit__reports_silent_units_and_survives_them(X):
    faces = X - 100 * (X.mean(0) + 1)  # far from the origin: some units never fire
    model, history = fit(faces, params(learning_rate=1e-4), model_params())
    start = initialize(30, 8, seed=0)
    codes = np.maximum(faces[draw_batch(0, 0, 60, 10)] @ start.V + start.b, 0)
    assert 0 < history[0]["silent_units"] == (codes == 0).all(axis=0).sum()
    assert history[0]["ent"] == float("inf")
    assert history[0]["min_mean_activation"] == 0
    assert all(np.isfinite(t).all() for t in model.weights)


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


@pytest.mark.parametrize(("cores", "variable", "threads"), [(1, None, 1), (4, None, 4), (64, None, 4), (64, "64", 64)])
def test_choose_threads__auto_is_torchs_number_but_four_at_most_unless_the_variable_says_more(
    monkeypatch, cores, variable, threads
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert choose_threads("auto") == threads
    assert choose_threads(7) == 7


@pytest.mark.parametrize(("units", "batch"), [(400, 100), (16, 9)])  # MKL splits the sums of small products
@pytest.mark.parametrize("how", [{}, {"activation": "topk", "k": 5}])
def test_train_model__one_thread_two_or_auto_give_the_same_bits(how, units, batch):
    X = np.random.default_rng(0).standard_normal((760, 1036)).astype(np.float32)
    sizes = params(hidden_units=units, batch_size=batch, iterations=21, learning_rate=1e-4)
    before = torch.get_num_threads()
    trainings = []
    for threads in (1, 2, "auto"):
        torch.set_num_threads(2)
        machine = MachineParams.model_construct(device="cpu", threads=threads)
        trainings.append(train_model(X, sizes, model_params(**how), machine, held_out=X[:50]))
    torch.set_num_threads(before)
    first, *others = trainings
    for other in others:
        assert all(map(np.array_equal, first.model.weights, other.model.weights))
        assert (first.history, first.metrics) == (other.history, other.metrics)
    of_all, of_some = (evaluate(rows, first.model, model_params(**how).coefficients) for rows in (X, X[:50]))
    assert first.metrics == of_all | {"held_out": of_some}


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
    again = load_training("train_sparse")
    assert (again.history, again.metrics) == (history, metrics)
    assert all(map(np.array_equal, again.model.weights, model.weights))
