"""Start the processes that train a model together, by PyTorch's elastic agent, as torchrun does."""

import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from sparsefaces.base.errors import UserError
from sparsefaces.base.interrupts import stop_signals
from sparsefaces.base.params import load_params
from sparsefaces.base.processes import check_count, rank_of_process

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

AGENTS_PATIENCE = 20  # seconds


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
    params = load_params()
    count = params.machine.processes
    check_count(count, params.train.batch_size)
    # Imported here: no other process needs them.
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException  # noqa: PLC0415
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # tracebacks of what is said below
    with TemporaryDirectory() as logs:
        config = LaunchConfig(
            1,
            1,
            count,
            logs_specs=DefaultLogsSpecs(logs),
            run_id=uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",  # this machine's own name need not resolve
            max_restarts=0,
            signals_to_handle=",".join(signal.Signals(number).name for number in stop_signals()),
        )
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException:
            raise KeyboardInterrupt from None
        except ChildFailedError as error:
            _say_what_failed(error.failures)
        except RuntimeError as error:
            raise UserError(f"the {count} processes of the training could not be started: {error}") from None


def _say_what_failed(failures: Mapping[int, "ProcessFailure"]) -> None:
    """End as the first process did: with a message if it was killed, as by the system; else it has said why."""
    first = min(failure.timestamp for failure in failures.values())
    # The agent stops the others: by SIGTERM, and 30 s later by SIGKILL.
    codes = {
        rank: failure.exitcode for rank, failure in failures.items() if failure.timestamp - first < AGENTS_PATIENCE
    }
    for rank, code in codes.items():
        if code < 0 and code != -signal.SIGTERM:
            raise UserError(
                f"process {rank} of those that train the model was killed ({signal.Signals(-code).name}): if memory is "
                "short, lower machine.processes; the next run goes on from the last checkpoint"
            )
    sys.exit(1 if 1 in codes.values() else max(*codes.values(), 1))
