"""The address of MLflow's store: which it is, and how it is shown without the secrets that it may hold."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sparsefaces.scratch import project_root

MOST_CHARACTERS = 200  # of an error that is shown
HIDDEN = "***"


def tracking_uri() -> str:
    """Name the store: MLFLOW_TRACKING_URI if it is set, else SQLite in the project's folder.

    A relative file means the project's, also in the copies of the project that DVC makes for experiments.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    path = sqlite_path(uri)
    if path is None or path.is_absolute():
        return uri
    dialect, _, rest = uri.partition(":///")
    return f"{dialect}:///{project_root()}/{rest}"


def sqlite_path(uri: str) -> Path | None:
    """Name the file of an address such as sqlite:///mlflow.db; None for other kinds of store."""
    dialect, _, rest = uri.partition(":///")
    path = rest.partition("?")[0]
    return Path(path) if dialect.partition("+")[0] == "sqlite" and path not in ("", ":memory:") else None


def is_own(path: Path) -> bool:
    """Tell whether a store's file is the one that the project makes for itself."""
    return path == project_root() / "mlflow.db"


def shown_uri() -> str:
    """Name the store as a message may: without a user's name and password."""
    return without_secrets(tracking_uri())


def brief(error: BaseException) -> str:
    """Say in one line, without secrets, what a store failed with."""
    text = without_secrets(str(error).partition("(Background on this error")[0])
    return " ".join(text.split())[:MOST_CHARACTERS] or type(error).__name__


def without_secrets(text: str) -> str:
    """Hide the user's name and password in every address of a text, and those of the store's wherever they stand."""
    text = re.sub(r"(?<=://)[^\s/]*@", f"{HIDDEN}@", text)
    try:
        parts = urlsplit(tracking_uri())
    except ValueError:  # an address that nothing can read has no parts
        return text
    for secret in {parts.password, parts.username} - {None, ""}:
        for spelling in {secret, unquote(str(secret))}:
            text = re.sub(rf"(?<!\w){re.escape(str(spelling))}(?!\w)", HIDDEN, text)
    return text
