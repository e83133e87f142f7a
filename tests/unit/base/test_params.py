import re

import pytest
import yaml
from samples import PARAMS

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params, parse_params


def changed(section, key, value):
    values = yaml.safe_load(PARAMS.read_text())
    values[section][key] = value
    return values


def test_params__a_model_is_each_section_that_begins_with_train_in_their_order():
    values = changed("train_sparse", "activation", "topk")
    values["train_third"] = values["train_sparse"] | {"k": 12}
    del values["train_dense"]["activation"], values["train_dense"]["k"]
    models = parse_params(values).models
    assert list(models) == ["train_dense", "train_sparse", "train_third"]
    assert models["train_third"].label == "top-k 12, lambda 1"
    assert models["train_dense"] == load_params(PARAMS).models["train_dense"]
    for k, said in ((0, "train_third.k is 0: Input should be greater"), (13, "train_third.k is 13, more than")):
        values["train_third"]["k"] = k
        with pytest.raises(UserError, match=re.escape(said)):
            parse_params(values)


def test_params__without_any_model_are_refused():
    values = changed("train", "hidden_units", 12)
    for name in ("train_dense", "train_sparse"):
        del values[name]
    with pytest.raises(UserError, match="at least 1 item"):
        parse_params(values)


def test_of_model__is_its_section_which_weighs_the_terms():
    values = changed("train_sparse", "lambda", 3.0)
    params = parse_params(values)
    assert params.of_model("train_sparse").coefficients == (3.0, 0.03, 3.0)
    values["train_sparse"] |= {"epsilon": 1.5, "eta": 0.0}
    params = parse_params(values)
    assert params.of_model("train_dense") == params.models["train_dense"]
    assert params.of_model("train_sparse").coefficients == (3.0, 1.5, 0.0)
    assert params.of_model("train_sparse").label == "lambda 3, epsilon 1.5, eta 0"
    with pytest.raises(UserError, match="name the training, train_dense or train_sparse, instead of 'analyze'"):
        params.of_model("analyze")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("train", "hiden_units", 3, "train.hiden_units is 3: Extra inputs are not permitted"),
        ("train", "batch_size", 1.5, "train.batch_size is 1.5: Input should be a valid integer"),
        ("train", "batch_size", True, "train.batch_size is True: Input should be a valid integer"),
        ("train", "learning_rate", "1e-4", "train.learning_rate is '1e-4': Input should be a valid number"),
        ("train", "learning_rate", float("nan"), "train.learning_rate is nan: Input should be a finite number"),
        ("train", "learning_rate_schedule", "cosin", "'cosin': Input should be 'constant', 'linear' or 'cosine'"),
    ],
)
def test_params__bad_value_is_named_with_what_pydantic_says_of_it(section, key, value, message):
    with pytest.raises(UserError) as error:
        parse_params(changed(section, key, value))
    assert str(error.value).startswith("params.yaml: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "address",
    ["http://ann:pw@host/lfw", "http://ann:a pw@h", "ftp://host/lfw", "host/lfw", "http://host/?a=1", 80],
)
def test_params__mirror_is_an_address_without_a_login_which_no_message_shows(address):
    with pytest.raises(UserError, match="machine.lfw_mirror is ") as error:
        parse_params(changed("machine", "lfw_mirror", address))
    assert "pw" not in str(error.value)
    mirror = "https://example.org/data"
    assert parse_params(changed("machine", "lfw_mirror", mirror)).machine.lfw_mirror == mirror


@pytest.mark.parametrize(
    ("section", "key", "within", "beyond"),
    [
        ("train", "seed", (0, 2**63 - 1), (-1, 2**63)),
        ("train", "hidden_units", (1, 100_000), (0, 100_001)),
        ("train", "batch_size", (1, 10**9), (0, 10**9 + 1)),
        ("train", "learning_rate", (1e-9, 1000.0), (0.0, 1000.1)),
        ("train_sparse", "lambda", (0.0, 1e6), (-1e-9, 1e6 + 0.5)),
        ("standardize", "holdout", (0.0, 0.999), (-0.001, 1.0)),
        ("fetch", "resize", (0.001, 10.0, [1, 10_000]), (0.0, 10.1, [0, 1], [1, 10_001], [37])),
        ("fetch", "crop", (None, [0, 9, 0, 9]), ([-1, 9, 0, 9],)),
        ("fetch", "folder", ("f",), ("",)),
        ("analyze", "most_faces", (100, 10**9), (99, 10**9 + 1)),
        ("analyze", "held_out_people", (0.001, 0.999), (0.0, 1.0)),
        ("machine", "threads", (1, 256, "auto"), (0, 257, "all")),
        ("machine", "download_timeout", (0.1, 3600.0), (0.0, 3600.1)),
    ],
)
def test_params__bounds_are_within_and_what_lies_beyond_is_not(section, key, within, beyond):
    for value in within:
        parse_params(changed(section, key, value))
    for value in beyond:
        with pytest.raises(UserError, match=f"{section}.{key} is "):
            parse_params(changed(section, key, value))


def test_params__all_bad_keys_are_named_at_once_also_missing_and_unknown_ones():
    values = changed("fetch", "source", "x")
    del values["train"]["seed"]
    values["machin"] = values.pop("machine")
    with pytest.raises(UserError) as error:
        parse_params(values)
    lines = str(error.value).splitlines()
    assert [line.split(" ")[1].rstrip(":") for line in lines] == ["fetch.source", "train.seed", "machine", "machin"]
    assert "params.yaml: machine: Field required" in lines


@pytest.mark.parametrize("values", [None, [1], "text", {"train": None}, {"train": 3}])
def test_params__file_of_another_shape_is_an_error_not_a_traceback(values):
    with pytest.raises(UserError, match="params.yaml: "):
        parse_params(values)


@pytest.mark.parametrize("spelling", ["1e-05", "1E-5", "1.e-5", "1.0e-5", "0.00001", "+1e-05"])
def test_load_params__number_is_one_as_dvc_and_people_write_it(tmp_path, spelling):
    text = PARAMS.read_text()
    (tmp_path / "params.yaml").write_text(text.replace("learning_rate: 0.01", f"learning_rate: {spelling}"))
    assert load_params(tmp_path / "params.yaml").train.learning_rate == 1e-5


def test_load_params__file_that_is_no_yaml_is_an_error_with_its_line(tmp_path):
    (tmp_path / "params.yaml").write_text("train:\n  seed: [1\n")
    with pytest.raises(UserError, match=r"params.yaml is not valid YAML: .*line 3, column 1"):
        load_params(tmp_path / "params.yaml")
