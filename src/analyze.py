"""Stage analyze: put the dense and the sparse model side by side."""

from threadpoolctl import threadpool_limits

from sparsefaces.comparison import compare_metrics, draw_comparison
from sparsefaces.comparison_file import save_comparison
from sparsefaces.datasets import load_dataset, load_people, load_provenance
from sparsefaces.evidence import gather_evidence
from sparsefaces.facts import data_hash
from sparsefaces.lineage import hashes, settings
from sparsefaces.packing import pack
from sparsefaces.params import load_params
from sparsefaces.report import Report, render_report
from sparsefaces.results import TRAININGS, load_training
from sparsefaces.runs import comparison_facts, log_comparison, log_missing_trainings
from sparsefaces.stage import run
from sparsefaces.tracking import optional, track


def main() -> None:
    """Leave the metrics, the claims, the figures and report.html in stages/analyze."""
    params = load_params()
    data = load_dataset()
    people = load_people(len(data.X))
    trainings = {name: load_training(stage, data.X.shape[1]) for name, stage in TRAININGS.items()}
    # BLAS with one thread makes its sums always in the same order.
    with (
        threadpool_limits(1, user_api="blas"),
        track(comparison_facts(params, data), params.tracking.on_failure, params.tracking.seconds_to_open) as tracked,
    ):
        if tracked.is_open():
            with optional("a training"):
                log_missing_trainings(data)
        evidence = gather_evidence(data, people, trainings, params, data_hash())
        seen = data.training_part()
        metrics = compare_metrics(trainings, evidence)
        figures = draw_comparison(seen, trainings, evidence, params.analyze)
        page = pack(seen, {name: training.weights for name, training in trainings.items()})
        report = Report(load_provenance(), metrics, evidence.claims, figures, page, settings(params), hashes())
        save_comparison(metrics, evidence, figures, render_report(report))
        log_comparison(tracked, metrics)


if __name__ == "__main__":
    run(main, stage="analyze")
