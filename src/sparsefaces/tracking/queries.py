"""What the store is asked outside of a run."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.entities import RunData

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.address import shown_uri
from sparsefaces.tracking.store import Store, StoreError

MOST_RUNS = 50_000  # that one search may return
Logged = RunData  # a run as the store has it: its parameters as text, the last value of each metric, its tags


@contextmanager
def asking() -> Iterator[Store]:
    """Open the store, and let nothing that it fails with within the block end in a traceback.

    Raises:
        UserError: It cannot be used.
    """
    try:
        yield Store()
    except StoreError as error:
        raise UserError(f"MLflow's store {shown_uri()} failed ({error}): start or repair it") from None


def finished_trainings() -> list[Logged]:
    """List the finished trainings, the newest first.

    Raises:
        UserError: The store cannot be used.
    """
    with asking() as store:
        condition = "attributes.status = 'FINISHED' and tags.stage LIKE 'train_%'"
        runs = store.client.search_runs([store.experiment], condition, max_results=MOST_RUNS)
    return [run.data for run in runs]
