"""Time a step of one process and of all, by turns: prints JSON. Usage: torchrun ... tools/together.py <seconds>."""

import json
import sys
import time
from statistics import median

import contestants
import torch
import torch.distributed as dist
from contestants import Step
from rounds import faces, summarize

from sparsefaces.training.engine import Engine
from sparsefaces.training.parallel import ALONE, Ranks
from sparsefaces.training.products import choose_products

SIZES = ((400, 1036, 100), (400, 2914, 1000), (1600, 11_750, 1000))  # h, d, m
SECONDS_A_ROUND = 0.5


def step_of(h: int, d: int, m: int, ranks: Ranks, *, talking: bool = True) -> Step:
    """Make this process's step on its part of a batch, also as if there were no others."""
    X = faces(d, m)[ranks.part(m)]
    if not talking:
        m, ranks = len(X), ALONE
    engine = Engine(
        contestants.initial(X, h),
        m,
        contestants.SPARSE,
        contestants.RATE,
        products=choose_products("auto", "cpu"),
        ranks=ranks,
    )
    batch = torch.from_numpy(X)
    return lambda _: engine.step(batch)


def compare(h: int, d: int, m: int, seconds: float, ranks: Ranks) -> dict[str, object]:
    """Time one process, while the others wait, and all together, in interleaved rounds.

    Returns:
        The sizes, medians in milliseconds, and the medians of the ratios: how many times as fast all are, and
        how many times as fast they would be if they did not talk, which is what the machine has to give.
    """
    steps = {
        "one": step_of(h, d, m, ALONE),
        "all": step_of(h, d, m, ranks),
        "silent": step_of(h, d, m, ranks, talking=False),
    }

    def milliseconds(step: Step, count: int) -> float:
        start = time.perf_counter()
        for number in range(count):
            step(number)
        return (time.perf_counter() - start) / count * 1000

    for step in steps.values():
        milliseconds(step, 2)
    count = ranks.of_first(max(1, int(SECONDS_A_ROUND * 1000 / milliseconds(steps["silent"], 2))))
    end = time.perf_counter() + seconds
    times: dict[str, list[float]] = {name: [] for name in steps}
    while ranks.of_first(time.perf_counter() < end or len(times["all"]) < 3):
        for name, step in steps.items():
            dist.barrier()
            if ranks.rank == 0 or name != "one":
                times[name].append(milliseconds(step, count))
    if ranks.rank:
        return {}
    ratios = {name: summarize(times["one"], times[name])["ratio"] for name in ("all", "silent")}
    sizes = {"h": h, "d": d, "m": m, "processes": ranks.count}
    return (
        sizes
        | {name: median(values) for name, values in times.items()}
        | {f"{name}_speedup": ratio for name, ratio in ratios.items()}
    )


def main() -> None:
    """Compare every size and let the first process print."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    seconds = float(sys.argv[1]) / len(SIZES)
    rows = [compare(*size, seconds, ranks) for size in SIZES]
    if ranks.rank == 0:
        print(json.dumps(rows))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
