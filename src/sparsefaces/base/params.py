"""params.yaml as typed, frozen, checked values."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from sparsefaces.base.addresses import without_login
from sparsefaces.base.errors import UserError
from sparsefaces.base.yaml_files import NOT_YAML, ambiguities, read_yaml

PARAMS_FILE = Path("params.yaml")
MODELS = ("train_dense", "train_sparse")  # the sections, and stages, of a model each

Count = Annotated[int, Field(ge=1, le=10**9)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Pixel = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1, le=10_000)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Crop = Annotated[tuple[Pixel, Pixel, Pixel, Pixel] | None, Field(strict=False)]
Size = Annotated[tuple[Side, Side], Field(strict=False)]


class Section(BaseModel):
    """What all sections share: no unknown keys, no conversions (text is never a number), no changes.

    The text below a key says what it means, in messages and in params.schema.json; its bounds are pydantic's.
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
    """What both trainings share."""

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
    epsilon_per_lambda: Weight
    """The weight of ent, the term that keeps every unit in use, as a multiple of lambda."""
    eta_per_lambda: Weight
    """The weight of reg, the squared norm of the decoder, as a multiple of lambda."""
    log_every: Count
    """The number of iterations between rows of history.csv."""

    def coefficients(self, model: "ModelParams") -> Coefficients:
        """Weigh the terms for one model; epsilon and eta are in proportion to its lambda."""
        return Coefficients(model.lambd, self.epsilon_per_lambda * model.lambd, self.eta_per_lambda * model.lambd)


class ModelParams(Section):
    """What sets one model apart from the other: its whole section goes wherever a model is trained."""

    lambd: Annotated[Weight, Field(alias="lambda")]
    """The weight of spa, the L1 norm of the code."""
    activation: Literal["relu", "topk"] = "relu"
    """Which activations of an image the code keeps: all that are positive, or the k largest of them."""
    k: Units | None = None
    """With activation topk, how many activations the code keeps, at most train.hidden_units; with relu, null."""

    @property
    def label(self) -> str:
        """What tells the model from others, in few words: "lambda 1", "top-k 40"."""
        return label_of(self.model_dump(by_alias=True))


def label_of(section: Mapping[str, Any]) -> str:
    """Name a model in few words by its section, as values or as MLflow's text; what it lacks is the default.

    >>> label_of({"lambda": 1.0}), label_of({"lambda": "0.0", "activation": "topk", "k": "40"})
    ('lambda 1', 'top-k 40')
    >>> label_of({"lambda": 0.5, "activation": "another", "k": None})
    'another, lambda 0.5'
    """
    weight, activation = float(section["lambda"]), section.get("activation", "relu")
    k = "" if section.get("k") in (None, "None") else f" {section['k']}"
    name = {"relu": "", "topk": "top-k"}.get(activation, activation) + k
    return ", ".join(filter(None, (name, f"lambda {weight:g}" if weight or not name else "")))


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
    """Torch's threads per training; auto is OMP_NUM_THREADS or the number of cores, at most 4, and 1 with oneDNN."""
    device: Literal["cpu", "cuda", "mps"]
    """What the trainings run on; no test has run on cuda or mps, whose results agree with the CPU's up to rounding."""
    products: Literal["auto", "blas", "onednn"]
    """The library that multiplies matrices on the CPU; auto chooses it by the processor."""
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
    seconds_to_open: Annotated[float, Field(ge=0, le=3600)]
    """The seconds that MLflow's store may fail at the start of a stage before on_failure decides."""
    on_failure: Literal["stop", "continue"]
    """What a stage does if MLflow's store cannot be reached at its start."""


class Params(Section):
    """All of params.yaml, one attribute per section."""

    fetch: FetchParams
    standardize: StandardizeParams
    train: TrainParams
    train_dense: ModelParams
    train_sparse: ModelParams
    analyze: AnalyzeParams
    machine: MachineParams
    tracking: TrackingParams

    def of_model(self, stage: str) -> ModelParams:
        """Return the section of one training stage.

        Raises:
            UserError: The stage is not a training.
        """
        if stage not in MODELS:
            raise UserError(f"name the training, train_dense or train_sparse, instead of {stage!r}")
        model: ModelParams = getattr(self, stage)
        return model


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check a params file.

    Args:
        path: A YAML file; by default the params.yaml of the current folder.

    Raises:
        UserError: The file is missing or not YAML, a key stands in it twice, is unknown, missing or out of range, or
            a value is one that readers of YAML take differently.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if problems := ambiguities(text):
            raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
        values = read_yaml(text)
    except FileNotFoundError:
        raise UserError(f"{path} is not in {Path.cwd()}: run from the project's top folder") from None
    except NOT_YAML as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return parse_params(values, str(path))


def parse_params(values: object, name: str = "params.yaml") -> Params:
    """Check the values of a params file; `name` is what messages call it.

    Raises:
        UserError: A key is unknown, missing or out of range; all such keys are named.
    """
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        problems: dict[tuple[int | str, ...], list[Mapping[str, Any]]] = {}
        # Unknown keys come first, since a misspelt one is also missing.
        for problem in sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden"):
            problems.setdefault(problem["loc"][:2], []).append(problem)  # deeper is a member of a union or a list
        lines = [_explain(keys, found, values) for keys, found in problems.items()]
        raise UserError("\n".join(f"{name}: {line}" for line in lines)) from None
    dumped = params.model_dump()  # not attribute by attribute: tests watch which of them a stage reads
    units = dumped["train"]["hidden_units"]
    for stage in MODELS:
        activation, k = dumped[stage]["activation"], dumped[stage]["k"]
        if (activation == "topk" and not 1 <= (k or 0) <= units) or (activation == "relu" and k is not None):
            raise UserError(
                f"{name}: {stage}.k is {'null' if k is None else k} with activation: {activation}; it must be null "
                f"with relu, and with topk a whole number from 1 to train.hidden_units, {units}"
            )
    return params


def _explain(keys: tuple[int | str, ...], problems: Sequence[Mapping[str, Any]], values: Any) -> str:  # noqa: ANN401 - of a file
    """Say in one line what pydantic finds wrong with one key."""
    name, kind = ".".join(map(str, keys)), problems[0]["type"]
    sections: dict[Any, Any] = {(key,): field.annotation for key, field in Params.model_fields.items()} | {(): Params}
    if keys in sections and kind != "missing":
        return f"{name or 'the file'} must be a section with the keys {', '.join(_fields(sections[keys]))}"
    known = _fields(sections[keys[:-1]])
    if kind in ("extra_forbidden", "invalid_key"):
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.0)
        return f"there is no key {name}; the nearest is {'.'.join([*map(str, keys[:-1]), *near])}"
    if kind == "missing" and keys == problems[0]["loc"]:
        return f"the key {name} is missing: add it"
    value = values[keys[0]][keys[1]]
    shown = without_login(value) if isinstance(value, str) else value
    said = " or ".join(dict.fromkeys(problem["msg"] for problem in problems))
    return f"{name} is {shown!r}: {said}. {known[keys[1]].description}"


def _fields(section: Any) -> dict[Any, FieldInfo]:  # noqa: ANN401 - pydantic's annotation of a field
    return {field.alias or name: field for name, field in section.model_fields.items()}
