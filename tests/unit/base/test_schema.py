"""params.schema.json, by which editors know params.yaml: what it takes and refuses is what the stages do."""

import json
import subprocess
import sys
from contextlib import nullcontext

import pytest
import yaml
from projects import ROOT
from samples import PARAMS, with_lines

from schema import schema_text
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params

SCHEMA = ROOT / "params.schema.json"


def test_schema__in_the_tree_is_the_models():
    assert SCHEMA.read_text() == schema_text()


def test_schema__describes_every_key_of_the_file():
    schema = json.loads(SCHEMA.read_text())
    for name, keys in yaml.safe_load(PARAMS.read_text()).items():
        section = schema["$defs"][schema["properties"][name]["$ref"].rpartition("/")[2]]
        assert list(section["properties"]) == list(keys)
        assert section["description"]
        assert all(key["description"] for key in section["properties"].values())


@pytest.mark.parametrize(
    ("key", "spelling", "said"),
    [
        ("train.learning_rate", "1e-05", None),  # as DVC writes it
        ("fetch.crop", "[1, 2, 30, 40]", None),
        ("fetch.source", "lwf", "'lwf' is not one of ['lfw', 'orl', 'folder']"),
        ("train.batch_size", "0", "0 is less than the minimum of 1"),
        ("fetch.crop", "[1, 2]", "is not valid under any of the given schemas"),
        ("train.seed", "1\n  sede: 1", "'sede' was unexpected"),
        ("train_dense.lambda", "1.0\n  lambd: 1.0", "'lambd' was unexpected"),
    ],
)
def test_schema__takes_and_refuses_what_the_model_does(tmp_path, key, spelling, said):
    path = with_lines(tmp_path, {key: spelling})
    with pytest.raises(UserError) if said else nullcontext():
        load_params(path)
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMA, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (said is not None)
    assert (said or "ok") in done.stdout
