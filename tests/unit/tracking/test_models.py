"""The registered model of a result: what somebody deletes of it is made again, and the alias names it."""

import pytest
from samples import small_files

from sparsefaces.base import locks
from sparsefaces.base.errors import UserError
from sparsefaces.tracking.models import MODEL, is_served, register, save_model
from sparsefaces.tracking.store import Store

# What people do in MLflow's UI, or a colleague's training to the alias.
LOSSES = {
    "the alias": lambda client, version: client.delete_registered_model_alias(MODEL, "dense"),
    "the version": lambda client, version: client.delete_model_version(MODEL, version.version),
    "the registered model": lambda client, version: client.delete_registered_model(MODEL),
    "the logged model": lambda client, version: client.delete_logged_model(
        client.search_logged_models(["1"])[0].model_id
    ),
}


@pytest.fixture
def served(logged):
    logged.with_model = True
    logged.train()
    logged.run_id = logged.only_run().info.run_id
    logged.files = {"weights": logged.folder / "model.safetensors", "scaling": logged.folder / "scaling.npz"}
    return logged


@pytest.mark.parametrize("what", LOSSES)
def test_register__makes_again_what_was_deleted(served, what):
    import numpy as np

    store = Store()
    assert is_served(store, served.run_id, "dense")
    LOSSES[what](served.client, served.client.get_model_version_by_alias(MODEL, "dense"))
    assert not is_served(store, served.run_id, "dense")
    save_model(served.folder / "model", served.files, np.zeros((2, 3, 2), np.float32))
    register(store, served.run_id, "dense", served.folder / "model")
    assert is_served(store, served.run_id, "dense")
    version = served.client.get_model_version_by_alias(MODEL, "dense")
    assert version.run_id == served.run_id
    assert served.client.get_logged_model(version.source.removeprefix("models:/")).status == "READY"


def test_save_model__without_room_is_one_message_that_names_the_folder(tmp_path):
    import numpy as np

    files = {name: tmp_path / name for name in ("weights", "scaling")}
    for file in files.values():
        file.touch()
    with small_files(), pytest.raises(UserError, match=r"model cannot be written \(.*\): make room there"):
        save_model(tmp_path / "model", files, np.zeros((2, 90, 90), np.float32))


def test_is_served__alias_of_another_training_does_not_count(served):
    from descriptions import DESCRIPTION

    first = served.run_id
    served.train(DESCRIPTION._replace(tags=DESCRIPTION.tags | {"content.key": "other"}))
    assert not is_served(Store(), first, "dense")


def test_track__without_locks_does_not_take_its_own_run_for_a_killed_ones(logged, monkeypatch):
    monkeypatch.setattr(locks, "_flock", lambda *_: True)
    logged.train()
    assert logged.only_run().info.status == "FINISHED"
    logged.assert_whole()
