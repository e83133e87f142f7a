"""Bringing MLflow up to date: after kills between any two calls, outages, refusals, and with a bug in our code."""

import gc
from types import SimpleNamespace

import pytest
from descriptions import DESCRIPTION
from mlflow.exceptions import MlflowException
from requests import HTTPError

from sparsefaces.base.errors import UserError
from sparsefaces.tracking import runs as tracking
from sparsefaces.tracking import store as stores
from sparsefaces.tracking import sync as syncing
from sparsefaces.tracking.record import take_records
from sparsefaces.tracking.store import Store, StoreError
from sparsefaces.tracking.sync import deliver_pending, left_out

CALLS = (
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifact",
    "set_terminated",
    "create_logged_model",
    "log_model_artifact",
    "log_outputs",
    "finalize_logged_model",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
)


def of_content(key):
    """Describe a training of another content."""
    return DESCRIPTION._replace(tags=DESCRIPTION.tags | {"content.key": key})


class Killed(BaseException):
    """What SIGKILL does: nothing after it is done, and the locks are free."""


@pytest.fixture
def calls(monkeypatch):
    """What stands between this library and MLflow: each call by name, before and after it is made."""
    between = SimpleNamespace(before=lambda name: None, after=lambda name: None)
    plain = stores.call

    def call(function, *arguments, **named):
        name = getattr(function, "__name__", "")
        between.before(name)
        answer = plain(function, *arguments, **named)
        between.after(name)
        return answer

    def refuse(error, *names):
        """Let the calls of these names fail, or all of them."""

        def fail(name):
            if name in names or not names:
                raise StoreError(error)

        between.before = fail

    between.refuse = refuse
    monkeypatch.setattr(stores, "call", call)
    return between


@pytest.fixture
def no_end(monkeypatch):
    """A run whose process is killed does not end: nobody closes it."""
    plain = tracking.TrackedRun.end

    def end(self, status):
        if status == "FINISHED":
            plain(self, status)

    monkeypatch.setattr(tracking.TrackedRun, "end", end)


@pytest.mark.parametrize("name", CALLS)
def test_sync__killed_between_mlflows_answer_and_our_note_of_it_is_delivered_by_the_next_once(
    logged, calls, no_end, name
):
    def kill(call):
        if call == name:
            raise Killed

    calls.after = kill
    logged.with_model = name in CALLS[5:]
    pytest.raises(Killed, logged.train)
    gc.collect()  # the process is gone, and with it its locks
    calls.after = lambda _: None
    if name in CALLS[:5]:
        logged.train()
    else:
        deliver_pending(Store())
    logged.assert_whole()
    assert deliver_pending(Store()) == []


def test_sync__killed_training_is_closed_by_whoever_comes_next(logged, no_end):
    pytest.raises(Killed, logged.train, error=Killed)
    gc.collect()
    assert logged.only_run().info.status == "RUNNING"
    logged.train(of_content("other"))
    states = {run.data.tags["content.key"]: run.info.status for run in logged.runs()}
    assert states == {DESCRIPTION.tags["content.key"]: "KILLED", "other": "FINISHED"}


def test_sync__killed_in_an_outage_brings_every_value_picture_and_file_once_with_their_times(
    logged, calls, no_end, monkeypatch
):
    calls.refuse(OSError("no route to host"), "log_batch", "log_artifact", "create_run")
    monkeypatch.setattr(tracking, "now_ms", lambda: 1000)
    pytest.raises(Killed, logged.train, on_failure="continue", error=Killed)
    gc.collect()
    assert logged.runs() == []
    calls.before = lambda _: None
    assert deliver_pending(Store()) == ["train_dense"]
    run = logged.only_run()
    assert (run.info.status, run.info.end_time) == ("KILLED", 1000)
    history = logged.client.get_metric_history(run.info.run_id, "batch/rec")
    assert [(metric.step, metric.timestamp) for metric in history] == [(row["step"], 1000) for row in logged.rows]
    pictures = [file.path for file in logged.client.list_artifacts(run.info.run_id, "images")]
    assert len(pictures) == 2 * len(logged.rows)
    logged.train()
    logged.assert_whole()


def test_sync__store_down_at_the_start_stops_before_anything_and_leaves_no_run(logged, calls):
    calls.refuse(OSError("no route to host"))
    with pytest.raises(UserError, match=r"cannot be used \(no route to host\).*tracking.on_failure: continue"):
        logged.train(during=lambda run: pytest.fail("something was done"))
    calls.before = lambda _: None
    deliver_pending(Store())
    assert logged.runs() == []
    assert list(take_records("*")) == []


def test_sync__store_that_fails_for_a_while_is_said_once_and_gets_everything_once(logged, calls, capsys, monkeypatch):
    monkeypatch.setattr(tracking, "SECONDS_BETWEEN_SYNCS", 0.0)
    monkeypatch.setattr(tracking, "PAUSE", 0.0)
    monkeypatch.setattr(tracking, "SECONDS_BETWEEN_TRIES", 0.0)
    counts = {"before": 0, "after": 0}

    def fail(when):
        """Fail before or after the store has taken something: who asked cannot tell."""

        def at(name):
            counts[when] += 1
            if counts[when] % 7 == 3:
                raise StoreError(OSError("the connection is lost"))

        return at

    def during(run):
        calls.before, calls.after = fail("before"), fail("after")
        for step in range(30):
            run.log_values("more", {"value": step}, step)
            run.on_step(step, None, logged)

    monkeypatch.setattr(tracking, "SECONDS_TO_FINISH", 3600.0)
    logged.train(during=during)
    said = capsys.readouterr().err
    assert said.count("warning") == 1
    assert "is back and has all of train_dense" in said
    logged.assert_whole()
    history = logged.client.get_metric_history(logged.only_run().info.run_id, "more/value")
    assert sorted((metric.step, metric.value) for metric in history) == [(step, step) for step in range(30)]


@pytest.mark.parametrize("where", ["_send_values", "_inputs"])
@pytest.mark.parametrize("error", [TypeError, KeyError])
def test_sync__bug_in_our_code_is_no_failure_of_the_store(logged, monkeypatch, where, error):
    def bug(*_):
        raise error

    monkeypatch.setattr(syncing, where, bug)
    pytest.raises(error, logged.train)


def http_error(status):
    return HTTPError(response=SimpleNamespace(status_code=status))


REFUSALS = {
    "413 of a proxy on values": (
        "log_batch",
        MlflowException("API request to endpoint x failed with error code 413 != 200. Response body: ''"),
        {"parameters", "values", "tags and note"},
    ),
    "403 on files": ("log_artifact", http_error(403), {"files"}),
    "S3's 403 on files": (
        "log_artifact",
        type("ClientError", (Exception,), {"response": {"ResponseMetadata": {"HTTPStatusCode": 403}}})(),
        {"files"},
    ),
    "a disk that is another's": ("log_artifact", PermissionError(13, "Permission denied", "/srv/mlflow"), {"files"}),
    "404 of a server without logged models": ("create_logged_model", http_error(404), {"registered model"}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_sync__what_is_refused_is_left_out_by_name_and_the_rest_arrives(logged, calls, capsys, case):
    method, error, missing = REFUSALS[case]
    logged.with_model = method == "create_logged_model"
    calls.refuse(error, method)
    logged.train()
    run = logged.only_run()
    assert run.info.status == "FINISHED"
    (record,) = take_records("*")
    names = set(record.sent["left_out"])
    assert names == ({*record.files()} if missing == {"files"} else missing)
    assert f"refuses some of train_dense: {next(iter(record.sent['left_out']))}" in capsys.readouterr().err
    record.close()
    assert deliver_pending(Store()) == []  # no stage tries again and again what was refused
    calls.before = lambda _: None
    assert deliver_pending(Store(), refused=True) == ["train_dense"]
    logged.assert_whole()
    (record,) = take_records("*")
    assert not left_out(record)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503])
def test_store_error__is_a_refusal_if_the_answer_stays_and_hopeless_if_waiting_does_not_mend_it(status):
    error = StoreError(http_error(status))
    assert error.refused == (status in (400, 403, 404, 413))
    assert error.hopeless == (error.refused or status == 401)


def test_store__files_on_the_servers_own_disk_are_refused_by_name(logged):
    store = Store()
    store.check_files_reach_it("file:///srv/mlflow/1")
    store.uri = "http://127.0.0.1:5000"
    store.check_files_reach_it("/srv/mlflow/1")  # this machine is the server's
    store.uri = "https://mlflow.example.org"
    store.check_files_reach_it("mlflow-artifacts:/1")
    store.check_files_reach_it("s3://bucket/1")
    for place in ("/srv/mlflow/1", "file:///srv/mlflow/1"):
        with pytest.raises(StoreError, match="own disk.*--serve-artifacts") as error:
            store.check_files_reach_it(place)
        assert error.value.refused
