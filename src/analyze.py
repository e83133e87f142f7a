"""Stage analyze: put the models side by side."""

from threadpoolctl import threadpool_limits

from sparsefaces.analyze.evidence import gather_evidence
from sparsefaces.analyze.outputs import save_comparison
from sparsefaces.base.params import load_params, name_of
from sparsefaces.base.progress import heartbeat, say
from sparsefaces.base.script import run
from sparsefaces.report.comparison import compare_metrics, draw_comparison, summarize
from sparsefaces.report.origin import hashes, settings
from sparsefaces.report.page import Report, render_report
from sparsefaces.report.payload import pack
from sparsefaces.standardize.dataset import load_dataset, load_people, load_provenance
from sparsefaces.tracking.runs import forgiving, track
from sparsefaces.tracking.stages import describe_comparison, log_comparison, log_missing
from sparsefaces.training.outputs import load_training


def main() -> None:
    """Leave the metrics, the claims, the figures and report.html in stages/analyze."""
    params = load_params()
    data = load_dataset()
    people = load_people()
    trainings = {name_of(stage): load_training(stage) for stage in params.models}
    # BLAS with one thread makes its sums always in the same order.
    with (
        threadpool_limits(1, user_api="blas"),
        track(describe_comparison(params, data), params.tracking.on_failure) as tracked,
    ):
        if tracked.store:
            with forgiving(params.tracking.on_failure):
                log_missing(tracked.store, data, params.models)
        evidence = gather_evidence(data, people, trainings, params)
        with heartbeat(lambda: "Drawing the figures and writing the report"):
            metrics = compare_metrics(trainings, evidence)
            figures = draw_comparison(evidence.faces, trainings, evidence, params.analyze)
            page = pack(evidence.faces, {name: training.model for name, training in trainings.items()}, evidence.codes)
            provenance = load_provenance()
            report = Report(provenance, metrics, evidence.claims, figures, page, settings(params), hashes(params))
            save_comparison(metrics, evidence, figures, render_report(report))
            log_comparison(tracked, metrics)
    say(summarize(metrics, provenance))


if __name__ == "__main__":
    run(main, stage="analyze")
