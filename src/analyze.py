"""Stage analyze: put the dense and the sparse model side by side."""

from sparsefaces.comparison import compare_metrics, draw_comparison
from sparsefaces.datasets import load_dataset, load_provenance
from sparsefaces.params import load_params
from sparsefaces.report import render_report
from sparsefaces.results import TRAININGS, load_training, save_comparison
from sparsefaces.runs import comparison_facts, log_comparison, log_missing_trainings
from sparsefaces.stage import run
from sparsefaces.tracking import optional, track


def main() -> None:
    """Leave metrics.json, the figures and report.html in stages/analyze."""
    params = load_params()
    data = load_dataset()
    trainings = {name: load_training(stage, data.X.shape[1]) for name, stage in TRAININGS.items()}
    with track(comparison_facts(params, data), params.tracking.on_failure) as tracked:
        if tracked.is_open():
            with optional("a training"):
                log_missing_trainings(data)
        metrics = compare_metrics(data, trainings)
        figures = draw_comparison(data, trainings, params.analyze)
        save_comparison(metrics, figures, render_report(load_provenance(), metrics, figures))
        log_comparison(tracked, metrics)


if __name__ == "__main__":
    run(main)
