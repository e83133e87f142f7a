import hashlib
import re

from samples import PARAMS

from sparsefaces.base.params import load_params
from sparsefaces.report.origin import hashes, settings

READ = ["standardize/X.npy", "train_dense/model.safetensors", "train_sparse/model.safetensors"]


def test_settings__are_named_as_in_params_yaml_and_leave_machine_and_tracking_out():
    params = load_params(PARAMS)
    shown = settings(params)
    assert list(shown) == ["fetch", "standardize", "train", "train_dense", "train_sparse", "analyze", "versions"]
    assert shown["train_sparse"]["lambda"] == params.models["train_sparse"].lambd
    assert shown["train"]["hidden_units"] == params.train.hidden_units
    assert shown["analyze"]["filters"] == params.analyze.filters
    assert all(re.fullmatch(r"[\d.]+\w*", of) for of in shown["versions"].values())  # 2.9.1+cpu and 2.9.1 are one


def test_hashes__are_of_the_code_the_data_and_both_models(in_tmp):
    for name in READ:
        path = in_tmp / "stages" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(name.encode())
    (_, code), *files = hashes(load_params(PARAMS)).items()
    assert re.fullmatch(r"[0-9a-f]{64}", code)
    assert dict(files) == {f"stages/{name}": hashlib.sha256(name.encode()).hexdigest() for name in READ}
