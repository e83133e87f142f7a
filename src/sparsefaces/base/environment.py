"""What a user's environment may not change of a script."""

import io
import sys
import warnings
from pathlib import Path
from typing import Any

from sparsefaces.base.errors import UserError

LIBRARY = Path(__file__).resolve().parents[1]


class _Lasting(io.FileIO):
    """A stream that outlives its reader, as in `dvc repro | head`: a training goes on, and what it says is lost."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def settle() -> None:
    """Write UTF-8 whatever the locale, outlive readers and warnings, use the library that lies beside the script.

    Raises:
        UserError: It is another copy's, whose code DVC does not watch.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # not what a test or a notebook put in its place
            kept = io.BufferedWriter(_Lasting(stream.fileno(), "w", closefd=False))
            setattr(sys, name, io.TextIOWrapper(kept, "utf-8", "backslashreplace", line_buffering=True))
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.resetwarnings()  # PYTHONWARNINGS=error: a deprecation in MLflow would stop a stage
    script = Path(sys.argv[0]).resolve()
    if (script.parent / LIBRARY.name).is_dir() and script.parent != LIBRARY.parent:
        raise UserError(
            f"{script.name} uses the library in {LIBRARY}, not the one beside it: unset PYTHONSAFEPATH and PYTHONPATH"
        )
