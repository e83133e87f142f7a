"""params.yaml as typed, frozen, checked values."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from sparsefaces.base.addresses import without_login
from sparsefaces.base.errors import UserError
from sparsefaces.base.yaml_files import NOT_YAML, ambiguities, read_yaml

PARAMS_FILE = Path("params.yaml")
MODELS = ("train_dense", "train_sparse")  # the sections, and stages, of a model each

# Each description completes "it must be ..." in the message about a bad value.
Count = Annotated[int, Field(ge=1, le=10**9, description="a whole number from 1 to 1,000,000,000")]
Units = Annotated[int, Field(ge=1, le=100_000, description="a whole number from 1 to 100,000")]
Pixel = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="a whole number from 0 to 2^63 - 1")]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, description="a number from 0 to 1,000,000")]
Crop = Annotated[
    tuple[Pixel, Pixel, Pixel, Pixel] | None,
    Field(strict=False, description="null or [top, bottom, left, right], whole pixels of at least 0"),
]
Factor = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=10_000)]
Size = Annotated[tuple[Side, Side], Field(strict=False)]


class Section(BaseModel):
    """What all sections share: no unknown keys, no conversions (text is never a number), no changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FetchParams(Section):
    """Which faces, and at what size."""

    source: Annotated[Literal["lfw", "orl", "folder"], Field(description="lfw, orl or folder")]
    fallback: Annotated[Literal["orl", "none"], Field(description="orl or none")]
    folder: Annotated[str, Field(min_length=1, description="the path of a folder")]
    crop: Crop
    resize: Annotated[
        Factor | Size, Field(description="a factor above 0, up to 10, or [height, width] in whole pixels")
    ]


class StandardizeParams(Section):
    """Which faces the mean, the scale and the trainings are of."""

    holdout: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False, description="a share from 0 to below 1")]


class Coefficients(NamedTuple):
    """What the terms of the objective are weighted with: rec + lambd spa + epsilon ent + eta reg."""

    lambd: float
    epsilon: float
    eta: float


class TrainParams(Section):
    """What both trainings share."""

    seed: Seed
    hidden_units: Units
    iterations: Count
    batch_size: Count
    learning_rate: Annotated[
        float, Field(gt=0, le=1000, allow_inf_nan=False, description="a number above 0, up to 1,000")
    ]
    learning_rate_schedule: Annotated[
        Literal["constant", "linear", "cosine"], Field(description="constant, linear or cosine")
    ]
    epsilon_per_lambda: Weight
    eta_per_lambda: Weight
    log_every: Count

    def coefficients(self, model: "ModelParams") -> Coefficients:
        """Weigh the terms for one model; epsilon and eta are in proportion to its lambda."""
        return Coefficients(model.lambd, self.epsilon_per_lambda * model.lambd, self.eta_per_lambda * model.lambd)


class ModelParams(Section):
    """What sets one model apart from the other: its whole section goes wherever a model is trained."""

    lambd: Annotated[Weight, Field(alias="lambda")]
    activation: Annotated[Literal["relu", "topk"], Field(description="relu or topk")] = "relu"
    k: Annotated[
        Units | None, Field(description="null, or with activation: topk a whole number from 1 to train.hidden_units")
    ] = None

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

    most_faces: Annotated[int, Field(ge=100, le=10**9, description="a whole number from 100 to 1,000,000,000")]
    faces: Count
    filters: Count
    filter_scale: Annotated[Literal["own", "common"], Field(description="own or common")]
    held_out_people: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False, description="a share above 0 and below 1")]


class MachineParams(Section):
    """Settings of the machine: in no stage's `params:`, since they must not change a result."""

    threads: Annotated[
        Annotated[int, Field(ge=1, le=256)] | Literal["auto"], Field(description="auto or a whole number from 1 to 256")
    ]
    device: Annotated[Literal["cpu", "cuda", "mps"], Field(description="cpu, cuda or mps")]
    products: Annotated[Literal["auto", "blas", "onednn"], Field(description="auto, blas or onednn")]
    checkpoint_every: Count
    download_timeout: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False, description="seconds above 0, up to 3600")
    ]
    lfw_mirror: Annotated[
        Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$")] | None,
        Field(
            description="null or an address, http:// or https://, without a user name or password: "
            "one with them goes into the environment variable SPARSEFACES_LFW_MIRROR"
        ),
    ]


class TrackingParams(Section):
    """Settings of the runs in MLflow, which change no result either."""

    log_pictures_every: Count
    log_weights_every: Count
    seconds_to_open: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False, description="seconds from 0 to 3600")]
    on_failure: Annotated[Literal["stop", "continue"], Field(description="stop or continue")]


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
        # A union reports each of its members: one line per key is enough.
        # Unknown keys come first, since a misspelt one is also missing.
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        lines = dict.fromkeys(_explain(problem["loc"], problem["type"], values) for problem in problems)
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


def _explain(location: tuple[int | str, ...], problem: str, values: Any) -> str:  # noqa: ANN401 - of a file
    """Say in one line what is wrong with the key at a location of pydantic's."""
    keys = location[:2]  # deeper, it is an item of a list
    name = ".".join(map(str, keys))
    sections: dict[Any, Any] = {(key,): field.annotation for key, field in Params.model_fields.items()} | {(): Params}
    section = sections.get(keys)
    if section and problem != "missing":
        return f"{name or 'the file'} must be a section with the keys {', '.join(_fields(section))}"
    known = _fields(sections[keys[:-1]])
    if problem in ("extra_forbidden", "invalid_key"):
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.0)
        return f"there is no key {name}; the nearest is {'.'.join([*map(str, keys[:-1]), *near])}"
    if problem == "missing" and keys == location:
        return f"the key {name} is missing: add it"
    value = values[keys[0]][keys[1]]
    shown = without_login(value) if isinstance(value, str) else value
    return f"{name} is {shown!r}; it must be {known[keys[1]].description}"


def _fields(section: Any) -> dict[Any, FieldInfo]:  # noqa: ANN401 - pydantic's annotation of a field
    return {field.alias or name: field for name, field in section.model_fields.items()}
