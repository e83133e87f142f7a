"""The exercise's functions answer a mistake with one message that names the remedy."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sparsefaces import load_faces, plot_sparsity, train, view_decoder
from sparsefaces.base.errors import UserError

X = np.random.default_rng(0).standard_normal((12, 30)).astype(np.float32)
SMALL = {"iterations": 3, "hidden_units": 4, "batch_size": 5}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: train(X, -1, **SMALL), "lambd is -1: .* give 0 or more"),
        (lambda: train(X, float("nan"), **SMALL), "lambd is nan"),
        (lambda: train(np.where(X > 2, np.nan, X), **SMALL), "finite numbers alone"),
        (lambda: train(X[:1], 1), "train.batch_size is 100, but there are 1 images: lower it"),
        (lambda: train(X[0], 1), r"X, of shape \(30,\)"),
        (lambda: view_decoder(X, X), r"W1 has filters of 30 pixels, not of 37 x 28: .*shape=\(height, width\)"),
        (lambda: view_decoder(X, X[:, :20], shape=(6, 5)), "W2 has filters of 20 pixels"),
        (lambda: plot_sparsity(X, X.T, X[:, :20].T, X[:, 0], X[:, 0]), "V2 is of 20 pixels, X of 30"),
    ],
)
def test_exercise__a_mistake_is_one_message_with_the_remedy(mistake, said):
    with pytest.raises(UserError, match=said):
        mistake()


def test_exercise__takes_weights_as_numpy_or_torch(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    V, W, b, _ = train(X, 1, **SMALL)
    for one, other in ((V, W), (V.numpy(), W.numpy())):
        plot_sparsity(X, one, one, b, b)
        assert len(plt.gca().lines) == 2
        view_decoder(other, other, shape=(6, 5), filters=4)
        assert len(plt.gcf().axes) == 2
    plt.close("all")


def test_load_faces__gives_the_exercises_x_in_one_line_and_says_which_faces_these_are(in_tmp, capsys):
    faces = load_faces("orl")
    assert (faces.shape, faces.dtype) == ((400, 891), np.float32)
    assert np.abs(faces.mean(axis=0)).max() < 1e-5
    assert float(faces.std()) == pytest.approx(1, abs=1e-5)
    assert "400 faces of 33 x 27 pixels from orl" in capsys.readouterr().out
    with pytest.raises(UserError, match="source is 'mnist': give lfw or orl"):
        load_faces("mnist")


def test_load_faces__without_lfw_says_so_and_gives_the_embedded_ones(in_tmp, capsys, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(in_tmp))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert load_faces().shape == (400, 891)
    assert "NOT LFW" in capsys.readouterr().out
