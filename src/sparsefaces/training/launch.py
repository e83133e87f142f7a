"""Start the processes that train a model together, by PyTorch's elastic agent, as torchrun does."""

import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params
from sparsefaces.base.processes import check_count, rank_of_process


def launches() -> bool:
    """Tell whether this process is to start those that train, instead of training itself."""
    with suppress(UserError):  # the training says it
        return rank_of_process() is None and load_params().machine.processes > 1
    return False


def launch(command: Sequence[str]) -> None:
    """Run a Python script in machine.processes processes, as `torchrun --standalone` does.

    Args:
        command: The script and its arguments.

    Raises:
        UserError: There would be more than a batch has faces; or one was killed, and the others have been stopped.
        KeyboardInterrupt: They were asked to stop, and have.
        SystemExit: One ended with this code, and has said why.
    """
    # Imported here: no other process needs them.
    from torch.distributed.elastic.multiprocessing.api import SignalException  # noqa: PLC0415
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    params = load_params()
    count = params.machine.processes
    check_count(count, params.train.batch_size)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # tracebacks of what is said below
    config = LaunchConfig(
        1, 1, count, run_id=uuid4().hex, rdzv_backend="c10d", rdzv_endpoint="localhost:0", max_restarts=0
    )
    try:
        elastic_launch(config, sys.executable)(*command)
    except SignalException:
        raise KeyboardInterrupt from None
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        for rank, code in codes.items():
            if code < 0 and code != -signal.SIGTERM:  # with which the agent stops the others
                name = signal.Signals(-code).name
                raise UserError(
                    f"process {rank} of the {count} that train the model was killed ({name}): if memory is short, "
                    "lower machine.processes; the next run goes on from the last checkpoint"
                ) from None
        sys.exit(1 if 1 in codes.values() else max(codes.values()))
