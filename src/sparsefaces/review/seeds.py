"""The claims over several seeds, from DVC's experiments: does a claim hold with each of them?"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from tabulate import tabulate

from sparsefaces.analyze.claims import FAILS, HOLDS, OPEN, models_of
from sparsefaces.base.errors import UserError
from sparsefaces.review.changes import CLAIMS, dvc, read_at

Claims = Sequence[Mapping[str, Any]]


class _Result(NamedTuple):
    seed: int
    claims: Claims
    depends_on: object  # what the claims depend on beside the seed: parameters, code and faces


def claims_by_seed() -> dict[int, Claims]:
    """Read the claims of the last commit and of its experiments that differ from it in the seed alone.

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
    found = {result.seed: result.claims for result in sorted(others, key=attrgetter("seed"))}
    return {committed.seed: committed.claims} | {seed: found[seed] for seed in found if seed != committed.seed}


def _read(commit: str) -> _Result | None:
    params, lock, result = (read_at(commit, path) for path in ("params.yaml", "dvc.lock", CLAIMS))
    if not params or not lock or not result:
        return None
    seed = params["train"].pop("seed")
    sections = {name: keys for name, keys in params.items() if name not in ("machine", "tracking")}
    deps = [dep for stage in lock["stages"].values() for dep in stage.get("deps", ())]
    code = {dep["path"]: dep["md5"] for dep in deps if dep["path"].startswith("src/")}
    return _Result(seed, result["claims"], (sections, code, lock["stages"]["standardize"]["outs"]))


def choose(claims: Mapping[int, Claims], seeds: str) -> dict[int, Claims]:
    """Take those of the first, committed seed and of the seeds that are named, as in `2,3`.

    Raises:
        UserError: A seed is no whole number, or has no claims.
    """
    try:
        named = [int(seed) for seed in seeds.split(",") if seed.strip()]
    except ValueError:
        raise UserError(f"SEEDS is {seeds!r}: name whole numbers, as in make seeds SEEDS=1,2,3") from None
    if missing := [seed for seed in named if seed not in claims]:
        raise UserError(
            f"no claims of seed {', '.join(map(str, missing))} with this code, parameters and images: "
            "`dvc queue status` names what failed, `dvc queue logs NAME` says why"
        )
    return {seed: rows for seed, rows in claims.items() if seed in named or seed == next(iter(claims))}


def format_claims(claims: Mapping[int, Claims]) -> str:
    """Lay the claims out as Markdown, a table per model: values of the first seed, differences and verdicts of all."""
    of_seeds = zip(*claims.values(), strict=True)
    return "\n\n".join(
        _table(pair, list(claims), list(rows)) for pair, rows in groupby(of_seeds, key=lambda rows: models_of(rows[0]))
    )


def _table(pair: Sequence[str], seeds: Sequence[int], measures: Sequence[Claims]) -> str:
    headers = ["claim, measure", *pair, *(f"difference, seed {seed}" for seed in seeds), "verdict"]
    rows = []
    for claim, of_claim in groupby(measures, key=lambda of_seeds: of_seeds[0]["claim"]):
        rows.append([f"**{claim}**", *[""] * (len(headers) - 1)])
        for of_seeds in of_claim:
            values = [_number(of_seeds[0][model]) for model in pair]
            verdict = over_all([one["verdict"] for one in of_seeds])
            rows.append([of_seeds[0]["measure"], *values, *map(_difference, of_seeds), verdict])
    sides = ["left", "right", "right", *["left"] * (len(seeds) + 1)]
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=sides))


def over_all(verdicts: Sequence[str]) -> str:
    """Judge over all seeds: a claim holds only if it does with each; else say with how many seeds it does what.

    >>> over_all(["holds", "holds"]), over_all(["holds", "not decided", "holds"])
    ('holds', 'holds with 2, not decided with 1 of 3 seeds')
    """
    if len(set(verdicts)) == 1:
        return verdicts[0]
    counts = [f"{one} with {verdicts.count(one)}" for one in (HOLDS, FAILS, OPEN) if one in verdicts]
    return f"{', '.join(counts)} of {len(verdicts)} seeds"


def _difference(claim: Mapping[str, Any]) -> str:
    if claim["interval"] is None:
        return "none"
    low, high = claim["interval"]
    return f"{_number(claim['difference'], '+')} [{_number(low, '+')}, {_number(high, '+')}]"


def _number(value: float | None, sign: str = "-") -> str:
    """Write three significant digits, with a minus sign."""
    return "none" if value is None else f"{value:{sign}#.3g}".rstrip(".").replace("-", "\N{MINUS SIGN}")
