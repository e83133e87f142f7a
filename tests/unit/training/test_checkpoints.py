"""Checkpoints: an interrupted training continues to the bytes of one that never was."""

import numpy as np
import pytest
from samples import model_params, params

from sparsefaces.training.checkpoints import Checkpoints
from sparsefaces.training.loop import fit
from sparsefaces.training.outbox import Outbox

PARAMS = params()


@pytest.fixture
def X(faces):
    return faces.reshape(len(faces), -1)


def checkpoints(name="train_dense-key", box=None):
    return Checkpoints(name, 7, PARAMS.iterations, box or Outbox())


class CrashError(Exception):
    pass


def crash_after(step):
    def on_step(done, row, engine):
        if done == step:
            raise CrashError

    return on_step


def interrupted_at(X, step, schedule="constant", box=None, **how):
    """Leave the checkpoint of a training that crashed after a step."""
    with pytest.raises(CrashError):
        fit(X, of(schedule), model_params(**how), callbacks=[checkpoints(box=box).on_step, crash_after(step)])


def of(schedule):
    return PARAMS.model_copy(update={"learning_rate_schedule": schedule})


@pytest.mark.parametrize("step", [0, 6, 7, 13, 29, 30])
@pytest.mark.parametrize(
    ("schedule", "how"),
    [("constant", {}), ("linear", {}), ("cosine", {}), ("constant", {"activation": "topk", "k": 3})],
)
def test_checkpoints__crashed_training_continues_to_the_same_bits_and_history(in_tmp, X, step, schedule, how):
    model, history = fit(X, of(schedule), model_params(**how))
    interrupted_at(X, step, schedule, **how)
    kept = checkpoints()
    start = kept.load()
    assert (start.step if start else 0) == ((step + 1) // 7 * 7 if step < 30 else 31)  # the last step has one, too
    again, rows = fit(X, of(schedule), model_params(**how), callbacks=[kept.on_step], start=start)
    assert rows == history
    assert all((a == b).all() for a, b in zip(model.weights, again.weights, strict=True))
    kept.delete()
    assert checkpoints().load() is None


def test_checkpoints__keep_what_mlflow_is_still_to_be_sent(in_tmp, X):
    files = {"images/filters/0.png": b"\x00png", "b": b""}
    sent = Outbox({("batch/rec", 7): (0.1, 1796000000000)}, {"a": "tag"}, files)
    interrupted_at(X, 20, box=sent)
    box = Outbox()
    assert checkpoints(box=box).load().step == 21
    assert box == sent


def test_checkpoints__of_anything_else_are_not_continued(in_tmp, X):
    interrupted_at(X, 20)
    assert checkpoints("train_dense-other").load() is None
    assert checkpoints().load().step == 21  # it is still there for what it is of


def test_checkpoints__damaged_one_is_reported_and_ignored(in_tmp, X, capsys):
    interrupted_at(X, 20)
    (path,) = (in_tmp / ".scratch/checkpoints").glob("*.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    for damaged in (b"{}", whole[:-50], bytes(flipped)):
        path.write_bytes(damaged)
        kept = checkpoints()
        assert kept.load() is None
        assert "is damaged" in capsys.readouterr().out
    model, _ = fit(X, PARAMS, model_params(), callbacks=[kept.on_step])
    assert np.isfinite(model.filters).all()
    assert checkpoints().load().step == 31  # the damaged one has been replaced
