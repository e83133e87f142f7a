"""Checkpoints: an interrupted training continues to the bytes of one that never was."""

import numpy as np
import pytest
import samples
from samples import model_params, params

from sparsefaces.base.params import load_params
from sparsefaces.training.checkpoints import Checkpoints, identify
from sparsefaces.training.loop import fit

PARAMS = params()
IDENTITY = {"parameters": "p", "data": "d", "code": "c", "device": "cpu", "products": "blas"}


@pytest.fixture
def X(faces):
    return faces.reshape(len(faces), -1)


def checkpoints(**identity):
    return Checkpoints("train_dense", IDENTITY | identity, every=7)


class CrashError(Exception):
    pass


def crash_after(step):
    def on_step(done, row, engine):
        if done == step:
            raise CrashError

    return on_step


def interrupted_at(X, step, schedule="constant", **how):
    """Leave the checkpoint of a training that crashed after a step."""
    with pytest.raises(CrashError):
        fit(X, of(schedule), model_params(**how), callbacks=[checkpoints().on_step, crash_after(step)])


def of(schedule):
    return PARAMS.model_copy(update={"learning_rate_schedule": schedule})


@pytest.mark.parametrize("step", [0, 6, 7, 13, 29])
@pytest.mark.parametrize(
    ("schedule", "how"),
    [("constant", {}), ("linear", {}), ("cosine", {}), ("constant", {"activation": "topk", "k": 3})],
)
def test_checkpoints__crashed_training_continues_to_the_same_bits_and_history(in_tmp, X, step, schedule, how):
    model, history = fit(X, of(schedule), model_params(**how))
    interrupted_at(X, step, schedule, **how)
    kept = checkpoints()
    start = kept.load()
    assert (start.step if start else 0) == (step + 1) // 7 * 7
    again, rows = fit(X, of(schedule), model_params(**how), callbacks=[kept.on_step], start=start)
    assert rows == history
    assert all((a == b).all() for a, b in zip(model.weights, again.weights, strict=True))
    kept.delete()
    assert checkpoints().load() is None


@pytest.mark.parametrize("what", ["parameters", "data", "code", "device", "products"])
def test_checkpoints__of_anything_else_are_not_continued(in_tmp, X, what):
    interrupted_at(X, 20)
    assert checkpoints(**{what: "other"}).load() is None
    assert checkpoints().load().step == 21  # it is still there for what it is of


def test_checkpoints__damaged_one_is_reported_and_ignored(in_tmp, X, capsys):
    interrupted_at(X, 20)
    (path,) = (in_tmp / ".scratch/checkpoints").glob("*.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    for damaged in (b"", whole[:-50], bytes(flipped), b"{}" * 1000):
        path.write_bytes(damaged)
        kept = checkpoints()
        assert kept.load() is None
        assert "is damaged" in capsys.readouterr().out
    model, _ = fit(X, PARAMS, model_params(), callbacks=[kept.on_step])
    assert np.isfinite(model.filters).all()
    assert checkpoints().load().step == 28  # the damaged one has been replaced


def test_checkpoints__of_an_experiment_are_found_whatever_its_name(in_tmp, X, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "boxy-sign")
    interrupted_at(X, 20)
    monkeypatch.setenv("DVC_EXP_NAME", "agley-rune")
    assert checkpoints().load().step == 21


def test_identify__changes_with_all_that_decides_the_bits_and_with_nothing_else():
    whole = load_params(samples.PARAMS)

    def of(stage="train_dense", data="d", **changes):
        changed = {name: getattr(whole, name).model_copy(update=keys) for name, keys in changes.items()}
        return identify(stage, whole.model_copy(update=changed), data)

    others = [of("train_sparse"), of(data="e"), of(train={"seed": 99}), of(train_dense={"lambd": 0.5})]
    assert all(other != of() for other in others)
    assert of(machine={"checkpoint_every": 7}) == of(tracking={"seconds_to_open": 1.0}) == of()
