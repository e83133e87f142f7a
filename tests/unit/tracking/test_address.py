"""The store's address: which it is, and that nothing secret in it is ever shown."""

import pytest
from samples import in_experiment

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import brief, shown_uri, tracking_uri, without_secrets
from sparsefaces.tracking.queries import finished_trainings


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:secret@host:5000/mlflow", "http://host:5000/mlflow"),
        ("postgresql://ann:s%40cret@host/db", "postgresql://host/db"),
        ("postgresql+psycopg2://ann:p@ss@host/db", "postgresql+psycopg2://host/db"),
        ("https://host/ann", "https://host/ann"),
        ("postgresql://host/db?user=ann&password=s3cret", "postgresql://host/db?***"),
    ],
)
def test_shown_uri__hides_name_and_password(monkeypatch, uri, shown):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert shown_uri() == shown
    added = "(raised as a result of Query-invoked autoflush; consider it)", "(Background on this error at: x)"
    assert brief(ValueError(f"{added[0]} no {uri} \n {added[1]}")) == f"no {shown}"


@pytest.mark.parametrize("uri", ["http://h:80a", "postgresql://ann:secret@h:54x/db", "http://[::1", "nonsense:/x"])
def test_mistyped_address__ends_in_one_message(in_tmp, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="MLflow's store .* failed") as error:
        finished_trainings()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("uri", "said", "shown"),
    [
        ("/db?user=annabel&password=s%40cret", 'failed for user "annabel" with s@cret', "***"),
        ("ann:s%40cret@host/db", 'failed for user "ann" with s%40cret', "***"),
        ("ann:s%40cret@host/db", "anna s@cret", "anna ***"),  # part of a word is none
    ],
)
def test_without_secrets__hides_those_of_the_address_wherever_they_stand(monkeypatch, uri, said, shown):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://{uri}")
    assert without_secrets(said) == ('failed for user "***" with ***' if shown == "***" else shown)


@pytest.mark.parametrize("dialect", ["sqlite", "sqlite+pysqlite"])
def test_tracking_uri__relative_file_is_the_projects_also_in_experiments(in_tmp, monkeypatch, dialect):
    in_experiment(in_tmp / "root", monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{dialect}:///mlflow.db?timeout=5")
    assert tracking_uri() == f"{dialect}:///{in_tmp / 'root' / 'mlflow.db'}?timeout=5"
    for name, uri in (("", f"sqlite:///{in_tmp / 'root' / 'mlflow.db'}"), ("http://there:5000", "http://there:5000")):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", name)
        assert tracking_uri() == uri
