"""The address of MLflow's store, which it is, and what is said of it: without the secrets that it may hold."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from sparsefaces.base.addresses import without_login, without_logins
from sparsefaces.base.cache import project_root

MOST_CHARACTERS = 300  # of an error that is shown
HIDDEN = "***"
# What to install for the module that an address such as MLflow's docs have needs.
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "pymysql": "pymysql", "MySQLdb": "mysqlclient"}


def tracking_uri() -> str:
    """Name the store: MLFLOW_TRACKING_URI if it is set, else SQLite in the project's folder.

    A relative file means the project's, also in the copies of the project that DVC makes for experiments.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    path = sqlite_path(uri)
    return uri if path is None or path.is_absolute() else sqlite_uri(project_root() / path, uri)


def sqlite_uri(path: Path, like: str = "sqlite://") -> str:
    """Write the address of a file, whose name may have any characters, with the dialect and settings of another's."""
    return make_url(like).set(database=str(path)).render_as_string(hide_password=False)


def sqlite_path(uri: str) -> Path | None:
    """Name the file of an address such as sqlite:///mlflow.db; None for other kinds of store."""
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):  # MLflow's own kind, or mistyped, which is said where it is used
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


def shown_uri() -> str:
    """Name the store as a message may: without a user's name and password."""
    return without_login(tracking_uri())


def brief(error: BaseException) -> str:
    """Say in one line, without secrets, what a store failed with."""
    # What SQLAlchemy adds.
    said = re.sub(r"\(raised as a result of [^)]*\)", "", re.split(r"\[SQL: |\(Background on this", str(error))[0])
    text = " ".join(without_secrets(said).split()) or type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name in DRIVERS:
        return f"{text}: .venv/bin/python -m pip install '{DRIVERS[error.name]}'"
    if len(text) <= MOST_CHARACTERS:
        return text
    # What was tried comes first, why it failed last.
    return f"{text[: MOST_CHARACTERS // 3]} ... {text[-MOST_CHARACTERS // 2 :]}"


def notify(text: str) -> None:
    """Tell the user on stderr: what a script prints on stdout may go into a file or another program."""
    with suppress(OSError):  # nobody may be there to read: no reason to deliver nothing more
        print(text, file=sys.stderr, flush=True)


def without_secrets(text: str) -> str:
    """Take logins out of the addresses in a text, and hide those of the store's address wherever they stand."""
    text = without_logins(text)
    try:
        parts = urlsplit(tracking_uri())
    except ValueError:  # an address that nothing can read has no parts
        return text
    query = {value for _, value in parse_qsl(parts.query) if len(value) > 3}
    for secret in {parts.password, parts.username, *query} - {None, ""}:
        for spelling in {secret, unquote(str(secret))}:
            text = re.sub(rf"(?<!\w){re.escape(str(spelling))}(?!\w)", HIDDEN, text)
    return text
