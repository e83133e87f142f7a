"""params.schema.json, by which editors know params.yaml: what it takes and refuses is what the stages do."""

import json
import subprocess
import sys

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


REFUSED = {
    "fetch.source: lwf": "'lwf' is not one of ['lfw', 'orl', 'folder']",
    "train.batch_size: 0": "0 is less than the minimum of 1",
    "fetch.crop: [1, 2]": "is not valid under any of the given schemas",
    "train.seed: 1\n  sede: 1": "'sede' was unexpected",
    "train_dense.lambda: 1.0\n  lambd: 1.0": "'lambd' was unexpected",
}


def spelt(tmp_path, edits):
    """A params.yaml for each edit, in a folder of its own."""
    folders = [tmp_path / str(number) for number in range(len(edits))]
    for folder, edit in zip(folders, edits, strict=True):
        folder.mkdir()
        with_lines(folder, dict([edit.split(": ", 1)]))
    return [folder / "params.yaml" for folder in folders]


def checked(*paths):
    """Check files as the hook does."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMA, *paths]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_schema__takes_what_the_model_takes(tmp_path):
    paths = spelt(tmp_path, ["train.learning_rate: 1e-05", "fetch.crop: [1, 2, 30, 40]"])  # the first as DVC writes it
    for path in paths:
        load_params(path)
    assert checked(*paths).returncode == 0


def test_schema__refuses_what_the_model_refuses(tmp_path):
    paths = spelt(tmp_path, REFUSED)
    done = checked(*paths)
    assert done.returncode == 1
    for path, said in zip(paths, REFUSED.values(), strict=True):
        with pytest.raises(UserError):
            load_params(path)
        assert any(str(path) in line and said in line for line in done.stdout.splitlines())
