"""What several files of tests begin with."""

from pathlib import Path

from sparsefaces.base.params import ModelParams, TrainParams

PARAMS = Path(__file__).with_name("params.yaml")  # of the projects that tests make


def params(**changes):
    sizes = {"seed": 0, "hidden_units": 8, "iterations": 31, "batch_size": 10, "log_every": 10}
    rates = {"learning_rate": 0.01, "learning_rate_schedule": "constant"}
    return TrainParams(**(sizes | rates | changes))


def model_params(lambd=1.0, **changes):
    """A model's section of params.yaml."""
    return ModelParams.model_validate({"lambda": lambd} | changes)


def in_experiment(root, monkeypatch):
    """Go into a copy of a project, as DVC makes them for experiments."""
    copy = root / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(root))


def claim(name, verdict):
    numbers = {"dense": 0.3, "sparse": 0.2, "difference": -0.1, "interval": [-0.12, -0.08], "null": None}
    return {"claim": name, "measure": "effective area", **numbers, "verdict": verdict}
