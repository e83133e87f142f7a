"""The results over several seeds, from DVC's experiments: does a claim hold with each of them, are filters the same?"""

from collections.abc import Mapping, Sequence
from itertools import combinations, groupby
from operator import attrgetter
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from dvc.api import read
from tabulate import tabulate

from sparsefaces.analyze.claims import FAILS, HOLDS, OPEN, models_of
from sparsefaces.analyze.stability import stability
from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import MODEL_PREFIX
from sparsefaces.review.changes import CLAIMS, dvc, read_at

Claims = Sequence[Mapping[str, Any]]


class Result(NamedTuple):
    """What a commit or an experiment left.

    Attributes:
        commit: Where it lies.
        seed: The trainings' seed.
        claims: The rows of claims.json.
        depends_on: What the claims depend on beside the seed: parameters, code and faces.
    """

    commit: str
    seed: int
    claims: Claims
    depends_on: object


def results_by_seed() -> dict[int, Result]:
    """Read the results of the last commit and of its experiments that differ from it in the seed alone.

    Returns:
        By seed; the commit's own first.

    Raises:
        UserError: The commit has no claims.
    """
    committed = _read("HEAD")
    if committed is None:
        raise UserError(f"the last commit lacks params.yaml, dvc.lock or {CLAIMS}: make repro, then commit")
    experiments = dvc("exp", "list", "--sha-only").split()
    others = [result for result in map(_read, experiments) if result and result.depends_on == committed.depends_on]
    found = {result.seed: result for result in sorted(others, key=attrgetter("seed"))}
    return {committed.seed: committed} | {seed: found[seed] for seed in found if seed != committed.seed}


def _read(commit: str) -> Result | None:
    params, lock, result = (read_at(commit, path) for path in ("params.yaml", "dvc.lock", CLAIMS))
    if not params or not lock or not result:
        return None
    seed = params["train"].pop("seed")
    sections = {name: keys for name, keys in params.items() if name not in ("machine", "tracking")}
    deps = [dep for stage in lock["stages"].values() for dep in stage.get("deps", ())]
    code = {dep["path"]: dep["md5"] for dep in deps if dep["path"].startswith("src/")}
    return Result(commit, seed, result["claims"], (sections, code, lock["stages"]["standardize"]["outs"]))


def choose(results: Mapping[int, Result], seeds: str) -> dict[int, Result]:
    """Take those of the first, committed seed and of the seeds that are named, as in `2,3`.

    Raises:
        UserError: A seed is no whole number, or has no results.
    """
    try:
        named = [int(seed) for seed in seeds.split(",") if seed.strip()]
    except ValueError:
        raise UserError(f"SEEDS is {seeds!r}: name whole numbers, as in make seeds SEEDS=1,2,3") from None
    if missing := [seed for seed in named if seed not in results]:
        raise UserError(
            f"no claims of seed {', '.join(map(str, missing))} with this code, parameters and images: "
            "`dvc queue status` names what failed, `dvc queue logs NAME` says why"
        )
    return {seed: result for seed, result in results.items() if seed in named or seed == next(iter(results))}


def format_stability(results: Mapping[int, Result], models: Sequence[str]) -> str:
    """Lay out how alike the filters of two seeds are, as Markdown: means and range over the pairs; nothing of one seed.

    Args:
        results: By seed.
        models: The models' names.
    """
    rows = []
    for name in models:
        filters = [_filters_at(result.commit, name) for result in results.values()]
        pairs = [stability(first, second) for first, second in combinations(filters, 2)]
        if pairs:
            similarity, null = zip(*pairs, strict=True)
            spread = f"{min(similarity):.3f} to {max(similarity):.3f}"
            rows.append([name, f"{mean(similarity):.3f}", spread, f"{mean(null):.3f}"])
    headers = ["filters of", "similarity", "range", "pixels shuffled"]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True) if rows else ""


def _filters_at(commit: str, name: str) -> Array:
    """Read the decoder of a training, (h, d), from DVC's cache."""
    content = read(f"stages/{MODEL_PREFIX}{name}/model.safetensors", rev=commit, mode="rb")
    return np.asarray(safetensors.numpy.load(content)["W"])


def format_claims(results: Mapping[int, Result]) -> str:
    """Lay the claims out as Markdown, a table per model: means over the seeds, and the first seed's interval."""
    of_seeds = zip(*(result.claims for result in results.values()), strict=True)
    pairs = groupby(of_seeds, key=lambda rows: models_of(rows[0]))
    return "\n\n".join(_table(pair, next(iter(results)), list(rows)) for pair, rows in pairs)


def _table(pair: Sequence[str], first: int, measures: Sequence[Claims]) -> str:
    headers = ["claim, measure", *pair, "difference, mean ± sd", f"95 % interval, seed {first}", "verdict"]
    rows = []
    for claim, of_claim in groupby(measures, key=lambda of_seeds: of_seeds[0]["claim"]):
        rows.append([f"**{claim}**", *[""] * (len(headers) - 1)])
        for of_seeds in of_claim:
            values = [_mean([one[model] for one in of_seeds]) for model in pair]
            difference = _mean([one["difference"] for one in of_seeds], "+")
            verdict = over_all([one["verdict"] for one in of_seeds])
            rows.append([of_seeds[0]["measure"], *values, difference, _interval(of_seeds[0]), verdict])
    sides = ["left", "right", "right", "left", "left", "left"]
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=sides))


def _mean(values: Sequence[float | None], sign: str = "-") -> str:
    """Write the mean over the seeds, and of a difference the standard deviation; none if one is unknown."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "none"
    return _number(mean(known), sign) + (f" ± {stdev(known):.2g}" if sign == "+" and len(known) > 1 else "")


def over_all(verdicts: Sequence[str]) -> str:
    """Judge over all seeds: a claim holds only if it does with each; else say with how many seeds it does what.

    >>> over_all(["holds", "holds"]), over_all(["holds", "not decided", "holds"])
    ('holds', 'holds with 2, not decided with 1 of 3 seeds')
    """
    if len(set(verdicts)) == 1:
        return verdicts[0]
    counts = [f"{one} with {verdicts.count(one)}" for one in (HOLDS, FAILS, OPEN) if one in verdicts]
    return f"{', '.join(counts)} of {len(verdicts)} seeds"


def _interval(claim: Mapping[str, Any]) -> str:
    return "none" if claim["interval"] is None else f"[{', '.join(_number(end, '+') for end in claim['interval'])}]"


def _number(value: float, sign: str = "-") -> str:
    """Write three significant digits, with a minus sign."""
    return f"{value:{sign}#.3g}".rstrip(".").replace("-", "\N{MINUS SIGN}")
