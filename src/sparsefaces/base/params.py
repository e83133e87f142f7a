"""params.yaml as typed, frozen, checked values."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sparsefaces.base.addresses import without_login
from sparsefaces.base.errors import UserError

PARAMS_FILE = Path("params.yaml")
MODEL_PREFIX = "train_"  # of the sections, and stages, of a model each

Count = Annotated[int, Field(ge=1, le=10**9)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Pixel = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1, le=10_000)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Crop = Annotated[tuple[Pixel, Pixel, Pixel, Pixel] | None, Field(strict=False)]
Size = Annotated[tuple[Side, Side], Field(strict=False)]


class Section(BaseModel):
    """What all sections share: no unknown keys, no conversions (text is never a number), no changes.

    The text below a key says what it means, also in messages.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class FetchParams(Section):
    """Which images are read, and at what size."""

    source: Literal["lfw", "orl", "folder"]
    """Labeled Faces in the Wild, the 400 embedded ORL faces, or your own images."""
    fallback: Literal["orl", "none"]
    """What is read if LFW cannot be reached: the ORL faces, or nothing, so that the pipeline stops."""
    folder: Annotated[str, Field(min_length=1)]
    """The path of the folder with your own images; it must exist whatever the source is, since DVC watches it."""
    crop: Crop
    """[top, bottom, left, right] in pixels of the original image; null crops LFW as scikit-learn does, others not."""
    resize: Annotated[float, Field(gt=0, le=10)] | Size
    """A factor, by which height and width are multiplied and rounded down, or [height, width] in pixels."""


class StandardizeParams(Section):
    """Which images the mean, the scale and the trainings are computed on."""

    holdout: Annotated[float, Field(ge=0, lt=1)]
    """The share of the people held out: no model trains on their images; each model is also measured on them."""


class Coefficients(NamedTuple):
    """What the terms of the objective are weighted with: rec + lambd spa + epsilon ent + eta reg."""

    lambd: float
    epsilon: float
    eta: float


class TrainParams(Section):
    """What all trainings share."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """The seed of the initial weights and of the batches."""
    hidden_units: Units
    """The number of units of the code."""
    iterations: Count
    """The number of updates."""
    batch_size: Count
    """The number of images per update, all different."""
    learning_rate: Annotated[float, Field(gt=0, le=1000)]
    """Adam's step size."""
    learning_rate_schedule: Literal["constant", "linear", "cosine"]
    """How the learning rate changes; linear and cosine fall to zero by the last iteration."""
    log_every: Count
    """The number of iterations between rows of history.csv."""


class ModelParams(Section):
    """What sets one model apart from the others: its whole section goes wherever a model is trained.

    A number that an activation takes is a field of this class, None if it is not taken.
    """

    lambd: Annotated[Weight, Field(alias="lambda")]
    """The weight of spa, the L1 norm of the code."""
    epsilon: Weight | None = None
    """The weight of ent, the term that keeps every unit in use; null is the exercise's, 0.01 lambda."""
    eta: Weight | None = None
    """The weight of reg, the squared norm of the decoder; null is the exercise's, lambda."""
    activation: str = "relu"
    """Which activations of an image the code keeps: relu, all that are positive, or topk, the k largest of them."""
    k: Units | None = None
    """With activation topk, how many activations the code keeps, at most train.hidden_units; with others, null."""

    @property
    def coefficients(self) -> Coefficients:
        """What the terms are weighted with."""
        epsilon = 0.01 * self.lambd if self.epsilon is None else self.epsilon
        return Coefficients(self.lambd, epsilon, self.lambd if self.eta is None else self.eta)

    @property
    def label(self) -> str:
        """What tells the model from others, in few words: "lambda 1", "top-k 40, eta 1"."""
        return label_of(self.model_dump(by_alias=True))


MODEL_FIELDS = {field.alias or name: field.default for name, field in ModelParams.model_fields.items()}


def label_of(section: Mapping[str, Any]) -> str:
    """Name a model in few words by its section, as values or as MLflow's text; what it lacks is the default.

    >>> label_of({"lambda": 1.0}), label_of({"lambda": "0.0", "activation": "topk", "k": "40", "eta": "1.0"})
    ('lambda 1', 'top-k 40, eta 1')
    >>> label_of({"lambda": 0.5, "epsilon": None, "eta": 0.0, "activation": "another", "k": None})
    'another, lambda 0.5, eta 0'
    """
    weights: dict[str, Any] = {name: section.get(name) for name in Coefficients._fields[1:]}
    differs = [
        f"{name} {section[name]}"
        for name, default in MODEL_FIELDS.items()
        if name not in ("lambda", *weights) and str(section.get(name, default)) != str(default)
    ]
    lambd = float(section["lambda"])
    if lambd or not differs:
        differs.append(f"lambda {lambd:g}")
    differs += [f"{name} {float(value):g}" for name, value in weights.items() if str(value) != "None"]
    return ", ".join(differs).replace("activation topk, k ", "top-k ").replace("activation ", "")


class AnalyzeParams(Section):
    """What the comparison shows, and on whom compression is judged."""

    most_faces: Annotated[int, Field(ge=100, le=10**9)]
    """The most images, evenly spaced, on which the models and the other methods are compared: it bounds the memory."""
    faces: Count
    """The number of images whose activations are plotted, the first ones."""
    filters: Count
    """The number of decoding filters that are shown, the first ones."""
    filter_scale: Literal["own", "common"]
    """What a filter is scaled by: its own largest weight, or the largest weight of all filters shown."""
    held_out_people: Annotated[float, Field(gt=0, lt=1)]
    """The share of the people on whom compression is judged; it is fitted on the others."""


class MachineParams(Section):
    """Settings of the machine: in no stage's `params:`, since they must not change a result."""

    threads: Annotated[int, Field(ge=1, le=256)] | Literal["auto"]
    """Torch's threads per training; auto is torch's own number, by OMP_NUM_THREADS or the cores, at most 4."""
    device: Literal["cpu", "cuda", "mps"]
    """What the trainings run on; no test has run on cuda or mps, whose results agree with the CPU's up to rounding."""
    checkpoint_every: Count
    """The number of iterations between checkpoints, from which an interrupted training resumes."""
    download_timeout: Annotated[float, Field(gt=0, le=3600)]
    """The seconds that an address of LFW's archive may stay silent."""
    lfw_mirror: Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$")] | None
    """An address that has lfw-funneled.tgz, tried first; one with a login goes into SPARSEFACES_LFW_MIRROR instead."""


class TrackingParams(Section):
    """Settings of the runs in MLflow, which change no result either."""

    log_pictures_every: Count
    """The number of iterations between pictures of the filters and of eight reconstructed images."""
    log_weights_every: Count
    """The number of iterations between the weights that a run keeps."""
    on_failure: Literal["stop", "continue"]
    """What a stage does that MLflow's store fails: end only when MLflow has all of it, or continue without."""


class Params(Section):
    """All of params.yaml, one attribute per section.

    Attributes:
        models: The sections, and stages, of a model each: those whose names begin with `train_`, in the file's order.
            The first model is what the others are compared with.
    """

    fetch: FetchParams
    standardize: StandardizeParams
    train: TrainParams
    models: Annotated[dict[str, ModelParams], Field(min_length=1)]
    analyze: AnalyzeParams
    machine: MachineParams
    tracking: TrackingParams

    @model_validator(mode="after")
    def _k_fits(self) -> "Params":
        for stage, model in self.models.items():
            if (model.k or 0) > self.train.hidden_units:
                raise ValueError(f"{stage}.k is {model.k}, more than train.hidden_units")
        return self

    def of_model(self, stage: str) -> ModelParams:
        """Return the section of one training stage.

        Raises:
            UserError: The stage is not a training.
        """
        if stage not in self.models:
            raise UserError(f"name the training, {' or '.join(self.models)}, instead of {stage!r}")
        return self.models[stage]


def name_of(stage: str) -> str:
    """Name a training's model: train_sparse makes the model "sparse"."""
    return stage.removeprefix(MODEL_PREFIX)


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-05, as DVC writes it, is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Read YAML safely."""
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


def read_yaml_file(path: Path) -> Any:  # noqa: ANN401 - as above
    """Read a YAML file.

    Raises:
        UserError: It is not YAML.
    """
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check a params file.

    Args:
        path: A YAML file; by default the params.yaml of the current folder.

    Raises:
        UserError: The file is not YAML, or a key is unknown, missing or out of range.
    """
    return parse_params(read_yaml_file(path), str(path))


def parse_params(values: object, name: str = "params.yaml") -> Params:
    """Check the values of a params file; `name` is what messages call it.

    Raises:
        UserError: A key is unknown, missing or out of range; all such keys are named.
    """
    if isinstance(values, Mapping):
        models = {key: values[key] for key in values if str(key).startswith(MODEL_PREFIX)}
        values = {key: values[key] for key in values if key not in models} | {"models": models}
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(f"{name}: {_explain(one)}" for one in error.errors())) from None


def _explain(problem: Mapping[str, Any]) -> str:
    """Put pydantic's words about a key beside its value, without a login, and its meaning."""
    place = [str(part) for part in problem["loc"] if part != "models"]
    section, key, *_ = (*place, "", "")
    name, message = ".".join(place[:2]), problem["msg"]
    value = without_login(repr(problem["input"]))
    is_missing = problem["type"] == "missing" and len(place) <= 2
    text = ": ".join(filter(None, (name if is_missing or not key else f"{name} is {value}", message)))
    return text + (f" ({meaning})" if (meaning := _meaning(section, key)) else "")


def _meaning(section: str, key: str) -> str:
    """Find what stands below a key in its section's class."""
    field = Params.model_fields.get(section)
    kind = ModelParams if section.startswith(MODEL_PREFIX) else field and field.annotation
    fields = getattr(kind, "model_fields", {})
    return next((one.description or "" for name, one in fields.items() if key in (name, one.alias)), "")
