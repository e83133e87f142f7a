"""What stands in the place of `python` and `dvc`: it has the command done by a process that starts warm.

Usage: python -IS warm_shim.py FOLDER PROGRAM [ARGUMENT ...], the folder of warm.py's and what it stands for. The
command starts cold if it is no stage, job or DVC, if its environment differs in what is read early, or if nobody
takes it.
"""

# It starts with every command: to import pathlib and contextlib would take as long as all else.
# ruff: noqa: PTH109, PTH123, PTH208, SIM105

import json
import os
import re
import signal
import socket
import sys

JOB = "--multiprocessing-fork"  # the last word of what starts a process of multiprocessing's
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def is_open(file):
    try:
        return bool(os.fstat(file))
    except OSError:
        return False


def ask(folder, words):
    """Ask for a process; return its number, and the file that then says how it ended.

    Raises:
        OSError: This command starts cold.
    """
    job = words[-1:] == [JOB]
    # To a job, the stage that started it tells the numbers of more files.
    files = [file for file in map(int, os.listdir("/proc/self/fd")) if is_open(file)] if job else [0, 1, 2]
    with open(f"{folder}/early.json") as file:
        late, wanted = json.load(file)
    early = {name: value for name, value in os.environ.items() if not f"{name}=".startswith(tuple(late))}
    if "GATE" in os.environ:
        early.pop("PYTHONPATH", None)  # the gate's
    if early != wanted or not (job or re.match("src/.*[.]py$|.*/dvc$", *words[:1] or [""])):
        raise OSError
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{folder}/socket")
    ignored = [number for number in STOPS if signal.getsignal(number) == signal.SIG_IGN]
    blocked = list(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    request = json.dumps([words, files, os.getcwd(), dict(os.environ), [ignored, blocked]]).encode()
    socket.send_fds(server, [len(request).to_bytes(8, "big")], files)
    server.sendall(request)
    said = server.makefile()
    number = int(said.readline() or 0)
    if not number:
        raise OSError
    return number, said


def pass_signals_on(process):
    """Let the process have what this one is told; a terminal's Ctrl-C is for a whole group."""

    def forward(number, frame):
        try:
            (os.killpg if number == signal.SIGINT else os.kill)(process, number)
        except ProcessLookupError:
            pass

    for number in STOPS:
        signal.signal(number, forward)


def main():
    folder, program, *arguments = sys.argv[1:]
    words = [program, *arguments] if program.endswith("dvc") else arguments
    try:
        process, said = ask(folder, words)
    except OSError:
        os.execv(program, [program, *arguments])
    pass_signals_on(process)
    code = int(said.readline() or 1)
    if code < 0:  # end as it did
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
