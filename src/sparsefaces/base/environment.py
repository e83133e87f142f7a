"""What a user's environment may not change of a script."""

import io
import sys
import warnings
from pathlib import Path

from sparsefaces.base.errors import UserError

LIBRARY = Path(__file__).resolve().parents[1]


def settle() -> None:
    """Write UTF-8 whatever the locale, survive warnings, and make sure that this library is the one beside the script.

    Raises:
        UserError: It is another copy's, whose code DVC does not watch.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not what a test or a notebook put in its place
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.resetwarnings()  # PYTHONWARNINGS=error: a deprecation in MLflow would stop a stage
    script = Path(sys.argv[0]).resolve()
    if (script.parent / LIBRARY.name).is_dir() and script.parent != LIBRARY.parent:
        raise UserError(
            f"{script.name} uses the library in {LIBRARY}, not the one beside it: unset PYTHONSAFEPATH and PYTHONPATH"
        )
