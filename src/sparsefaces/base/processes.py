"""Whether torchrun started this process, as one of several that train a model together."""

import os


def rank_of_process() -> int | None:
    """Return this process's number among them, from 0; None if it is alone.

    Others set RANK and WORLD_SIZE, too, as clusters do: they count with torchrun's own variable alone.
    """
    set_by_torchrun = {"TORCHELASTIC_RUN_ID", "RANK", "LOCAL_RANK", "WORLD_SIZE"} <= os.environ.keys()
    return int(os.environ["RANK"]) if set_by_torchrun and os.environ["WORLD_SIZE"] != "1" else None
