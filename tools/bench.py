"""Time a training step beside its floor and other ways to take it: interleaved rounds, medians, ratios.

Writes examples/benchmark.md and examples/benchmark.png. Usage: python tools/bench.py [seconds per table, 30]
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from tabulate import tabulate

from sparsefaces.base.files import write_bytes
from sparsefaces.colors import COLORS, QUIET
from sparsefaces.report.style import grid, new_figure, paper, png_of_figure
from sparsefaces.training.products import choose_products

TOP = Path(__file__).parents[1]
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "NPROC": "1",  # JAX's pool of threads, which no flag of XLA's makes smaller
}
LABELS = {
    "floor": "floor: five products, each by the fastest library, one fused Adam pass",
    "engine": "sparsefaces, one batch",
    "engine_on_blas": "the same on one batch, by torch's BLAS",
    "engine_on_onednn": "the same on one batch, by oneDNN",
    "engine_with_batches": "sparsefaces, drawing its batches",
    "exercise": "the exercise's loop",
    "exercise_fused": "the exercise's loop, Adam(fused=True)",
    "compiled": "the same under torch.compile",
    "scikit_learn": "scikit-learn MLPRegressor (dense objective)",
    "jax": "JAX, jit and optax",
    "one_thread": "sparsefaces, one thread",
    "training": "sparsefaces, `threads: auto`",
}
Rows = list[dict[str, float | str]]


def measure(what: str, seconds: float, env: dict[str, str]) -> Rows:
    """Let a process of its own, whose libraries see this environment, measure one table."""
    command = [sys.executable, str(TOP / "tools" / "rounds.py"), what, str(seconds)]
    # Threads of NumPy's BLAS that wait would spin on into the next contestant's time.
    env = {"OPENBLAS_THREAD_TIMEOUT": "4"} | env
    done = subprocess.run(command, env=os.environ | env, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    rows: Rows = json.loads(done.stdout)
    return rows


def table(rows: Rows, base: str) -> str:
    """Lay rows out as Markdown; `base` is what the ratios are to."""
    lines = [f"| | ms per step | min to max | times {base} | cores used |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        name = LABELS.get(str(row["name"]), str(row["name"]))
        if "failed" in row:
            lines.append(f"| {name} | not run: {row['failed']} | | | |")
            continue
        spread = f"{row['min']:.2f} to {row['max']:.2f}"
        lines.append(f"| {name} | {row['median']:.2f} | {spread} | {row['ratio']:.2f} | {row['cores']:.1f} |")
    return "\n".join(lines)


def rates_table(rows: Rows) -> str:
    """Lay the rates of products out as Markdown, with the share of the best large product that the best one is."""
    names = [name for name in rows[0] if name != "name"]
    peak = max(float(rows[-1][name]) for name in names)
    cells = [[row["name"], *(row[name] for name in names), max(float(row[name]) for name in names)] for row in rows]
    return tabulate(
        [[*row[:-1], f"{row[-1] / peak:.0%}"] for row in cells],
        ["GFLOP/s", *names, "best, of the peak"],
        tablefmt="github",
        floatfmt=".0f",
    )


def together(seconds: float) -> list[list[object]]:
    """Compare two processes with one, by turns; the rows of a table."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(TOP / "tools" / "together.py"), str(seconds)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    sizes = ("h", "d", "m")
    return [
        [
            ", ".join(f"{size} = {row[size]:,}" for size in sizes),
            row["one"],
            row["all"],
            row["all_speedup"],
            row["silent_speedup"],
        ]
        for row in json.loads(done.stdout)
    ]


def exponents(rows: Rows) -> str:
    """Fit milliseconds per step = c h^p d^q m^r to this project's steps, by least squares on logarithms."""
    mine = [row for row in rows if row["contestant"] == "engine"]
    sizes = np.log([[float(row[size]) for size in ("h", "d", "m")] for row in mine])
    fitted = np.linalg.lstsq(np.column_stack([sizes, np.ones(len(mine))]), np.log([row["median"] for row in mine]))[0]
    powers = " ".join(f"{size}^{power:.2f}" for size, power in zip("hdm", fitted, strict=False))
    return f"Fitted over these sizes: ms per step = {np.exp(fitted[-1]):.2g} {powers}."


def draw_growth(rows: Rows) -> bytes:
    """Draw the milliseconds of a step over the multiplications that it needs, ours and the floor."""
    with paper():
        figure = new_figure((9.0, 4.8))
        axes = figure.add_subplot()
        for name, color, marker in (("floor", QUIET, "o"), ("engine", COLORS["dense"], "x")):
            mine = [row for row in rows if row["contestant"] == name]
            products, milliseconds = ([row[key] for row in mine] for key in ("products", "median"))
            axes.loglog(products, milliseconds, marker, color=color, label=LABELS[name])
        axes.set(xlabel="multiplications per step, 5 m h d", ylabel="ms per step", title="How a step grows, one thread")
        grid(axes)
        axes.legend()
        return png_of_figure(figure)


def main() -> None:
    """Measure, print and write everything."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    growth = measure("growth", seconds, ONE_THREAD)
    sections = [
        "# Benchmark",
        "One training step at h = 400, d = 1036, m = 100, sparse objective; medians over interleaved rounds, "
        "ratios round by round; cores used are CPU time over wall time. In the first tables each has a process of its "
        "own, since threads that wait take time from another library's. Made by `make bench`.",
        machine(),
        "## Products, one thread",
        f"Products by library; {choose_products('auto', 'cpu').name} is what `machine.products: auto` takes here. The "
        "peak is the best of the last row.",
        rates_table(measure("products", seconds, ONE_THREAD)),
        "## One thread",
        table(measure("contestants", seconds, ONE_THREAD), "the floor"),
        "## Each library's default number of threads",
        table(measure("contestants", seconds, {}), "the floor"),
        "## Beside a busy neighbour",
        "One core is kept busy by another process; ratios are to this project's step with one thread, beside "
        "the same neighbour.",
        table(measure("neighbour", seconds, {}), "one thread"),
        "## How a step grows",
        "One thread; d is LFW at resize 0.3, 0.5 and 1.0.",
        table(growth, "the floor"),
        exponents(growth),
        "Over the number of faces, batches drawn, h = 400, d = 1036, m = 100:",
        table(measure("faces", seconds, ONE_THREAD), "the first row"),
        "## Two processes",
        "Two processes with one thread each share every step (`machine.processes: 2`), beside one process with one "
        "thread. The last column is what two processes reach that do not talk, with half of the batch each: all that "
        "this machine gives.",
        tabulate(
            together(seconds),
            ["", "one, ms per step", "two, ms per step", "times as fast", "without talking"],
            tablefmt="github",
            floatfmt=(".1f", ".1f", ".1f", ".2f", ".2f"),
        ),
        "![How a step grows](benchmark.png)",
    ]
    text = "\n\n".join(sections) + "\n"
    print(text)
    write_bytes(TOP / "examples" / "benchmark.md", text.encode())
    write_bytes(TOP / "examples" / "benchmark.png", draw_growth(growth))


def machine() -> str:
    """Say what it was measured on."""
    from sparsefaces.tracking.description import cpu_model  # noqa: PLC0415

    return f"{cpu_model()}, {os.cpu_count()} cores seen, Python {sys.version.split()[0]}."


if __name__ == "__main__":
    main()
