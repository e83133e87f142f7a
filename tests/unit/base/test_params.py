import pytest
import yaml
from samples import PARAMS

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params, parse_params


def changed(section, key, value):
    values = yaml.safe_load(PARAMS.read_text())
    values[section][key] = value
    return values


def test_params__topk_takes_a_k_of_at_most_all_units_and_old_files_are_of_relu():
    values, units = changed("train_sparse", "activation", "topk"), load_params(PARAMS).train.hidden_units
    del values["train_dense"]["activation"], values["train_dense"]["k"]
    values["train_sparse"]["k"] = units
    assert parse_params(values).train_sparse.label == f"top-k {units}, lambda 1"
    assert parse_params(values).train_dense == load_params(PARAMS).train_dense
    values["train_sparse"]["k"] = units + 1
    with pytest.raises(UserError, match=f"train_sparse.k is {units + 1} .* whole number from 1 to .*, {units}$"):
        parse_params(values)


def test_params__are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load_params(PARAMS).train.seed = 1


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("train", "hiden_units", 3, "there is no key train.hiden_units; the nearest is train.hidden_units"),
        ("train_dense", "lambd", 1.0, "there is no key train_dense.lambd; the nearest is train_dense.lambda"),
        ("train", 7, 1, "there is no key train.7"),
        ("train", "batch_size", 0, "train.batch_size is 0: Input should be greater than or equal to 1. The number of"),
        ("train", "batch_size", 1.5, "train.batch_size is 1.5: Input should be a valid integer"),
        ("train", "batch_size", True, "train.batch_size is True: Input should be a valid integer"),
        ("train", "learning_rate", "1e-4", "train.learning_rate is '1e-4': Input should be a valid number"),
        ("train", "learning_rate", float("nan"), "train.learning_rate is nan: Input should be a finite number"),
        ("train", "learning_rate_schedule", "cosin", "'cosin': Input should be 'constant', 'linear' or 'cosine'"),
        ("fetch", "resize", 11, "fetch.resize is 11: Input should be less than or equal to 10 or Input should be a"),
        ("fetch", "resize", [37], "or [height, width] in pixels"),
        ("fetch", "crop", [1, 2], "fetch.crop is [1, 2]: Field required. [top, bottom, left, right] in pixels"),
        ("machine", "lfw_mirror", "http://ann:pw@host/lfw", "machine.lfw_mirror is 'http://host/lfw': String should"),
        ("train_dense", "k", 3, "train_dense.k is 3 with activation: relu; it must be null with relu"),
        ("train_sparse", "activation", "topk", "train_sparse.k is null with activation: topk; it must be null with"),
    ],
)
def test_params__bad_value_is_one_line_with_key_value_what_is_wrong_and_what_the_key_means(
    section, key, value, message
):
    with pytest.raises(UserError) as error:
        parse_params(changed(section, key, value))
    assert str(error.value).startswith("params.yaml: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("section", "key", "bounds", "beyond"),
    [
        ("train", "seed", (0, 2**63 - 1), (-1, 2**63)),
        ("train", "hidden_units", (1, 100_000), (0, 100_001)),
        ("train", "batch_size", (1, 10**9), (0, 10**9 + 1)),
        ("train", "learning_rate", (1e-9, 1000.0), (0.0, 1000.1)),
        ("train_sparse", "lambda", (0.0, 1e6), (-1e-9, 1e6 + 0.5)),
        ("standardize", "holdout", (0.0, 0.999), (-0.001, 1.0)),
        ("fetch", "resize", (0.001, 10.0, [1, 10_000]), (0.0, 10.1, [0, 1], [1, 10_001])),
        ("fetch", "crop", (None, [0, 9, 0, 9]), ([-1, 9, 0, 9],)),
        ("fetch", "folder", ("f",), ("",)),
        ("analyze", "most_faces", (100, 10**9), (99, 10**9 + 1)),
        ("analyze", "held_out_people", (0.001, 0.999), (0.0, 1.0)),
        ("tracking", "seconds_to_open", (0.0, 3600.0), (-0.1, 3600.1)),
    ],
)
def test_params__bounds_are_within_and_what_lies_beyond_is_not(section, key, bounds, beyond):
    for value in bounds:
        parse_params(changed(section, key, value))
    for value in beyond:
        with pytest.raises(UserError, match=f"{section}.{key} is "):
            parse_params(changed(section, key, value))


def test_params__all_bad_keys_are_named_at_once():
    values = changed("train", "batch_size", 0)
    values["fetch"]["source"] = "x"
    with pytest.raises(UserError) as error:
        parse_params(values)
    assert len(str(error.value).splitlines()) == 2


def test_params__missing_key_and_unknown_section_are_named():
    values = changed("train", "seed", 0)
    del values["train"]["seed"]
    with pytest.raises(UserError, match="the key train.seed is missing"):
        parse_params(values)
    values = changed("train", "seed", 0)
    values["trian"] = values.pop("train")
    with pytest.raises(UserError) as error:
        parse_params(values)
    first, second = str(error.value).splitlines()
    assert "there is no key trian; the nearest is train" in first
    assert "the key train is missing" in second


@pytest.mark.parametrize("values", [None, [1], "text", {"train": None}, {"train": 3}])
def test_params__file_of_another_shape_is_an_error_not_a_traceback(values):
    with pytest.raises(UserError, match="section with the keys|is missing"):
        parse_params(values)
