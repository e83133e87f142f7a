"""What the store is asked outside of a run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from mlflow.exceptions import MlflowException
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import brief, shown_uri
from sparsefaces.tracking.store import Store


class Logged(NamedTuple):
    """A finished run as the store has it: its parameters as text, the last value of each metric, its tags."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def open_store() -> Store:
    """Open the store.

    Raises:
        UserError: It cannot be used.
    """
    try:
        return Store()
    except Exception as error:
        raise UserError(f"MLflow's store {shown_uri()} failed ({brief(error)}): start or repair it") from None


@contextmanager
def asking() -> Iterator[Store]:
    """Open the store, and let nothing that it fails with within the block end in a traceback.

    Raises:
        UserError: It cannot be used.
    """
    store = open_store()
    try:
        yield store
    except (MlflowException, SQLAlchemyError, RequestException) as error:
        raise UserError(f"MLflow's store {shown_uri()} failed ({brief(error)}): start or repair it") from None


def finished_trainings() -> list[Logged]:
    """List the finished trainings, the newest first.

    Raises:
        UserError: The store cannot be used.
    """
    with asking() as store:
        runs = store.find_trainings()
    return [Logged(run.data.params, run.data.metrics, run.data.tags) for run in runs]
