"""MLflow's SQLite store as a file: made whole or not at all, and set aside if it is broken."""

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sparsefaces.tracking.address import sqlite_uri

JOURNALS = ("", "-journal", "-wal", "-shm")  # the file and what SQLite keeps beside it
# Where MLflow keeps addresses of files.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
# What SQLite says of a file that no retry mends; a lock, a full disk or a missing permission are other things.
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def create(path: Path) -> None:
    """Make a store, if there is none: under another name, then renamed, so that a kill leaves no half of one.

    MLflow makes its tables in hundreds of steps, and cannot go on from the midst of them.

    Raises:
        Exception: Whatever MLflow, SQLite or the disk fails with.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - `store` sets MLflow up first

    if path.exists() and path.stat().st_size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    _unlink(partial)  # of a process that was killed
    try:
        store = SqlAlchemyStore(sqlite_uri(partial), str(path.parent / "mlruns"))
        store.engine.dispose()
        partial.replace(path)
    finally:
        _unlink(partial)


def relocate(path: Path, experiment: str, artifacts: Path) -> bool:
    """Point a store that came along with its project's folder to the files beside it; tell whether it had to be.

    MLflow keeps absolute addresses, of two spellings: of a folder that was moved, renamed or copied, they are of the
    old place.

    Args:
        path: The store.
        experiment: The name of the experiment whose files tell where the folder was.
        artifacts: Where these lie now, in the project's folder.
    """
    with closing(sqlite3.connect(path)) as database, database:
        row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
        if row is None or row[0] == artifacts.as_uri():
            return False
        former, now = Path(unquote(urlsplit(row[0]).path)).parent, artifacts.parent
        for table, column in ADDRESSES:
            for old, new in ((f"{former.as_uri()}/", f"{now.as_uri()}/"), (f"{former}/", f"{now}/")):
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                    (new, len(old) + 1, len(old), old),
                )
    return True


def set_aside_if_broken(path: Path) -> Path | None:
    """Rename a file that is no database, or a store that a kill left half made: neither holds a run that could be read.

    Returns:
        Its new name; None if it stayed.
    """
    if not path.is_file() or not path.stat().st_size or not _is_broken(path):
        return None
    aside = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.broken-{n}")).exists())
    for suffix in JOURNALS:
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + suffix))
    return aside


def _is_broken(path: Path) -> bool:
    """Tell whether SQLite cannot read a file, or MLflow did not come to the end of making it: an experiment is last."""
    try:
        with closing(sqlite3.connect(path)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            query = "SELECT EXISTS (SELECT 1 FROM experiments)"
            return "experiments" not in tables or not database.execute(query).fetchone()[0]
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", None) in BROKEN


def _unlink(path: Path) -> None:
    for suffix in JOURNALS:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
