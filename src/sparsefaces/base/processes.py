"""Whether torchrun started this process, as one of several that train a model together."""

import os

from sparsefaces.base.errors import UserError


def rank_of_process() -> int | None:
    """Return this process's number among them, from 0; None if it is alone."""
    together = "TORCHELASTIC_RUN_ID" in os.environ and os.environ["WORLD_SIZE"] != "1"
    return int(os.environ["RANK"]) if together else None


def check_count(processes: int, batch_size: int) -> None:
    """Make sure that each of so many processes has a face of every batch.

    Raises:
        UserError: There are too many.
    """
    if processes > batch_size:
        raise UserError(
            f"{processes} processes cannot share batches of {batch_size} faces: lower machine.processes or "
            "raise train.batch_size"
        )
