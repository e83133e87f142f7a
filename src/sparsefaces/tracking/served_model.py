"""The model that MLflow serves: this file, with activations.py in place of its import, and the arrays beside it."""

from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray
from safetensors import safe_open

from sparsefaces.training.activations import parse_activation


class Autoencoder(PythonModel):
    """Pixels in, reconstructions in pixels or codes out; standardisation is inside."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the weights and the standardisation."""
        with safe_open(context.artifacts["weights"], "numpy") as file:
            self._weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            self._activation = parse_activation((file.metadata() or {}).get("activation"))
        with np.load(context.artifacts["scaling"], allow_pickle=False) as scaling:
            self._mean, self._scale = scaling["mean"], scaling["scale"]

    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,  # no more exact: MLflow reads it
        params: dict[str, Any] | None = None,
    ) -> NDArray[np.float32]:
        """Reconstruct faces.

        Args:
            context: MLflow's.
            model_input: Pixels in [0, 1], (N, height, width) or (N, d).
            params: `output`: `pixels`, reconstructions of the input's shape, or `codes`, (N, h).

        Raises:
            ValueError: The faces are of another size or no pixels in [0, 1], or the output is unknown.
        """
        output = (params or {}).get("output", "pixels")
        if output not in ("pixels", "codes"):
            raise ValueError(f"output is {output!r}; it must be pixels or codes")
        faces = np.asarray(model_input, dtype=np.float32)
        rows = faces.reshape(len(faces), -1)
        if rows.shape[1] != len(self._mean):
            raise ValueError(f"these images have {rows.shape[1]} pixels; the model is for {len(self._mean)}")
        if not (rows.min(initial=0) >= 0 and rows.max(initial=1) <= 1):  # NaN is neither
            raise ValueError("pixels must be in [0, 1]: divide grey levels by 255, and leave out images with NaN")
        w = self._weights
        codes = self._activation.apply(np.maximum((rows - self._mean) / self._scale @ w["V"] + w["b"], 0))
        pixels = ((codes @ w["W"] + w["a"]) * self._scale + self._mean).reshape(faces.shape)
        return np.asarray(codes if output == "codes" else pixels, dtype=np.float32)


set_model(Autoencoder())
