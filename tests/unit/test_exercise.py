"""The exercise's functions answer a mistake with one message that names the remedy."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from projects import ROOT

from sparsefaces import get_objective_terms, load_faces, plot_sparsity, train, view_decoder
from sparsefaces.base.errors import UserError
from sparsefaces.standardize.dataset import save_standardized
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training.model import Model
from sparsefaces.training.outputs import Training, save_training
from sparsefaces.training.weights import initialize

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


def test_docs__results_and_own_images_from_another_folder(in_tmp, faces, monkeypatch, recwarn):
    train_mask = np.arange(len(faces)) % 3 > 0
    save_standardized(faces, measure_scaling(faces, train_mask), train_mask)
    model = Model(initialize(30, 8, seed=0))
    save_training("train_sparse", Training(model, [{"step": 0, "rec": 1.0}], {}))
    (in_tmp / "examples").mkdir()
    monkeypatch.chdir("examples")
    image = Image.new("RGB", (20, 20), "red")
    image.paste(Image.fromarray((faces[0] * 255).round().astype(np.uint8)), (4, 3))
    image.save("me.png")
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs/exercise.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    crop = "crop=(3, 9, 4, 9)"
    assert '["me.png"], data)' in code
    exec(code.replace('["me.png"], data)', f'["me.png"], data, {crop})'), names := {})
    data, X = names["data"], names["X"]
    assert (X.shape, X.dtype) == ((1, 30), np.float32)
    assert data.to_pixels(X) == pytest.approx(faces[:1], abs=1 / 255)
    np.testing.assert_array_equal(names["Z"], model.encode(X))
    assert names["image"].shape == (6, 5)
    assert get_objective_terms(data.X, *names["model"].weights).rec == pytest.approx(30, rel=0.2)
    assert not recwarn.list
