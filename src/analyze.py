"""Stage analyze: put the dense and the sparse model side by side."""

from sparsefaces.comparison import compare_metrics, draw_comparison
from sparsefaces.datasets import load_dataset, load_provenance
from sparsefaces.lineage import hashes, settings
from sparsefaces.packing import pack
from sparsefaces.params import load_params
from sparsefaces.report import Report, render_report
from sparsefaces.results import TRAININGS, load_training, save_comparison
from sparsefaces.runs import comparison_facts, log_comparison, log_missing_trainings
from sparsefaces.stage import run
from sparsefaces.tracking import track


def main() -> None:
    """Leave metrics.json, the figures and report.html in stages/analyze."""
    params = load_params()
    data = load_dataset()
    trainings = {name: load_training(stage, data.X.shape[1]) for name, stage in TRAININGS.items()}
    log_missing_trainings(data)
    with track(comparison_facts(params, data)) as tracked:
        metrics = compare_metrics(data, trainings)
        figures = draw_comparison(data, trainings, params.analyze)
        page = pack(data, {name: training.weights for name, training in trainings.items()})
        report = Report(load_provenance(), metrics, {}, figures, page, settings(params), hashes())
        save_comparison(metrics, figures, render_report(report))
        log_comparison(tracked, metrics)


if __name__ == "__main__":
    run(main)
