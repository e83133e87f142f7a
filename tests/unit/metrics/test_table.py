"""Each entry of METRICS is what its name says, by hand."""

import math

import numpy as np
import pytest

from sparsefaces.metrics.table import COMPARISON, METRICS, TRAINING, apply_metrics

Z = np.array([[3, 0, 0, 3], [0, 0, 2, 0]], dtype=np.float32)
MEAN = np.array([2.0, 0.5, 1.0, 4.0])


def test_codes__have_one_number_per_face():
    codes = apply_metrics(TRAINING, "codes", Z) | apply_metrics(COMPARISON, "codes", Z)
    by_hand = {
        "l0": [2, 1],
        "bits": [math.log2(6) + 10, math.log2(4) + 5],
        "near_zero": [0.5, 0.75],
        "hoyer": [2 - math.sqrt(2), 1],
        "gini": [0.5, 0.75],
        "treves_rolls": [0.5, 0.25],
    }
    assert {name: values.tolist() for name, values in codes.items()} == {
        name: pytest.approx(values) for name, values in by_hand.items()
    }


def test_units__are_measured_by_their_mean_activations():
    by_hand = {"spa": 7.5, "ent": 3.75, "min_mean_activation": 0.5, "silent_units": 0}
    assert apply_metrics(TRAINING, "units", MEAN) == pytest.approx(by_hand)
    silent = apply_metrics(TRAINING, "units", MEAN * [1, 0, 1, 0])
    assert (silent["ent"], silent["silent_units"], silent["min_mean_activation"]) == (math.inf, 2, 0)


def test_error__is_told_beside_the_variance_and_without_any_there_is_no_psnr():
    assert apply_metrics(TRAINING, "error", 5.0, 20.0) == {"rec": 5.0, "explained_variance": 0.75}
    assert apply_metrics(COMPARISON, "error", 0.01, 0.04) == pytest.approx({"psnr": 20.0, "explained_variance": 0.75})
    assert apply_metrics(COMPARISON, "error", 0.0, 0.04)["psnr"] is None


def test_decoder_and_filters__are_measured_as_they_lie():
    W = np.zeros((2, 12), np.float32)
    W[0, 0], W[1] = 2, 1
    assert apply_metrics(TRAINING, "decoder", W) == {"reg": 16.0}
    assert apply_metrics(TRAINING, "filters", W)["effective_area"] == pytest.approx([1 / 12, 1])
    geometry = apply_metrics(COMPARISON, "geometry", W, (1, 12))
    assert geometry["spatial_spread"] == pytest.approx([0, 1])
    assert geometry["window_energy"] == pytest.approx([1, 9 / 12])
    assert apply_metrics(COMPARISON, "geometry", W, (3, 4))["window_energy"] is None  # a window covers the image


def test_title__begins_a_line():
    assert METRICS["spa"].title == "L1 norm of the code (spa)"
    assert METRICS["hoyer"].title == "Hoyer sparsity of the code"
    assert METRICS["rec"].title == "Reconstruction error (rec)"
