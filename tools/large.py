"""Standardise and train on synthetic faces that do not fit into memory: prints times and memory.

Usage: python tools/large.py [faces, 200000] [folder, a temporary one]. Needs 94 kB of disk per face.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

import sparsefaces  # noqa: F401 - before torch: sets how its threads wait and round
from sparsefaces.base.files import write_rows
from sparsefaces.standardize.rows import Faces
from sparsefaces.training.loop import fit

TOP = Path(__file__).parents[1]
HEIGHT, WIDTH, PART, STEPS, ROUNDS = 125, 94, 1000, 60, 3
# Runs a stage's script; prints the peak of what is the process's own, and of all that is resident.
SCRIPT = """
import runpy, sys, threading, time
peak = [0]

def look():
    while True:
        lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
        peak[0] = max(peak[0], int(lines["RssAnon"].split()[0]))
        time.sleep(0.01)

threading.Thread(target=look, daemon=True).start()
script = sys.argv.pop(1)
try:
    runpy.run_path(script, run_name="__main__")
finally:
    print("peak of its own memory:", peak[0] // 1024, "MB", file=sys.stderr)
"""


def make_faces(count: int) -> None:
    """Write what fetch would have left: faces that differ, in parts."""
    rng = np.random.default_rng(0)
    mean = rng.random((HEIGHT, WIDTH), np.float32)
    parts = ((mean + rng.random((PART, HEIGHT, WIDTH), np.float32)) / 2 for _ in range(0, count, PART))
    write_rows(Path("stages/fetch/faces.npy"), (count, HEIGHT, WIDTH), parts)
    np.save("stages/fetch/people.npy", np.arange(count, dtype=np.int32))


def milliseconds(X: Faces) -> float:
    """Train for some steps at the exercise's size; the median of a step's milliseconds."""
    from sparsefaces.base.params import load_params  # noqa: PLC0415

    params = load_params().train.model_copy(update={"iterations": STEPS})
    times: list[float] = []
    fit(X, params, 1.0, callbacks=[lambda *_: times.append(time.perf_counter())])
    return 1000 * median(np.diff(times))


def main() -> None:
    """Standardise, then train from disk and from memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        os.chdir(folder)
        Path("params.yaml").write_bytes((TOP / "params.yaml").read_bytes())
        make_faces(count // PART * PART)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", SCRIPT, TOP / "src" / "standardize.py"], check=True)  # noqa: S603
        print(f"standardised in {time.perf_counter() - start:.0f} s")
        with Path("stages/standardize/X.npy").open("rb") as file:  # out of the system's cache of files
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        X = np.load("stages/standardize/X.npy", mmap_mode="r")
        print(f"{X.nbytes / 1e9:.1f} GB; the first time from disk {milliseconds(X):.1f} ms per step")
        copy = np.array(X)
        times = [(milliseconds(X), milliseconds(copy)) for _ in range(ROUNDS)]
        mapped, memory = map(median, zip(*times, strict=True))
        print(f"later {mapped:.1f}, from memory {memory:.1f}, medians of {ROUNDS} rounds by turns")


if __name__ == "__main__":
    main()
