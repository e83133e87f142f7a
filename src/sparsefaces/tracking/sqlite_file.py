"""MLflow's SQLite store as a file: made whole or not at all, and moved along with its project's folder."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient

# Where MLflow keeps absolute addresses of files, which nothing of its own renews.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def create(path: Path) -> None:
    """Make a store, if there is none: aside, then moved, since MLflow cannot go on from the midst of its tables."""
    if path.exists() and path.stat().st_size:
        return
    partial = path.with_name(f".{path.name}.partial")  # with the journals that SQLite keeps beside a file
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    partial.mkdir(parents=True)
    MlflowClient(f"sqlite:///{partial / path.name}").search_experiments()
    (partial / path.name).replace(path)
    shutil.rmtree(partial)


def relocate(path: Path, experiment: str) -> str | None:
    """Point a store that came along with its project's folder to the files beside it.

    MLflow keeps absolute addresses: in a folder that was moved, renamed or copied, they are of the old place. A store
    whose tables are not the ones known here is left alone.

    Args:
        path: The store; the files of its runs lie in mlartifacts, beside it.
        experiment: The name of the experiment whose files tell where the folder was.

    Returns:
        What was done, or could not be; None if the folder is where it was.
    """
    with closing(sqlite3.connect(path)) as database, database:
        known = {(table, row[1]) for table, _ in ADDRESSES for row in database.execute(f"PRAGMA table_info({table})")}
        row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
        if row is None or row[0] == (path.parent / "mlartifacts").as_uri():
            return None
        former, now = Path(unquote(urlsplit(row[0]).path)).parent, path.parent
        if not known.issuperset(ADDRESSES):
            return f"{path} is of another version of MLflow, which looks for its runs' files in {former}: move it back"
        for table, column in ADDRESSES:
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608 - names from above
            database.execute(change, (f"{former.as_uri()}/", f"{now.as_uri()}/"))
    return f"the project's folder has moved: its runs' files are now looked for in {now}"
