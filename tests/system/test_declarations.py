"""What dvc.yaml declares for a stage is what its script reads, found by watching it read."""

import json
import re
import shutil

import pytest
import yaml
from projects import read_pipeline
from samples import PARAMS

from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE

STAGES = ("fetch", "standardize", "train_dense", "train_sparse", "analyze")

# Runs the scripts one after the other with an ear on every file they open and every parameter they look at. One process
# imports torch and others once; the project's own modules are imported by each script anew. Nothing is compiled, which
# would be read in the place of the source.
WATCHER = """
import json, os, runpy, sys
sys.dont_write_bytecode = True
heard, root = {}, os.getcwd() + os.sep

def hear(event, arguments):
    if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], (str, bytes, os.PathLike)):
        return
    path = os.path.abspath(os.fsdecode(arguments[0]))
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    # What is not there was only looked for, as torch does for CUDA in each folder of sys.path, or lies elsewhere:
    # shutil opens folders one below the other.
    if path.startswith(root) and not writes and os.path.lexists(path):
        files.add(path[len(root):])

def watch():
    from sparsefaces.base import params
    plain = params.Section.__getattribute__
    kinds = ("FetchParams", "StandardizeParams", "TrainParams", "AnalyzeParams", "ModelParams")
    names = {getattr(params, kind): kind for kind in kinds}

    def look(self, name):
        checked = sys._getframe(1).f_code.co_name == "_k_fits"  # of all sections, whatever is done with them
        fields = type(self).model_fields if type(self) in names and not checked else {}
        for key in fields if name in ("model_dump", "model_copy") else {name} & set(fields):  # the two read them all
            keys.add((names[type(self)], fields[key].alias or key))
        return plain(self, name)

    params.Section.__getattribute__ = look

for stage, command in json.loads(sys.argv[1]).items():
    files, keys = set(), set()
    if not heard:
        sys.addaudithook(hear)
    for name in [name for name in sys.modules if name.startswith("sparsefaces")]:
        del sys.modules[name]
    watch()
    sys.argv = command.split()[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    heard[stage] = {"files": sorted(files), "keys": sorted(keys), "torch": "torch" in sys.modules}
json.dump(heard, open("heard.json", "w"))
"""


@pytest.fixture(scope="module")
def pipeline():
    return yaml.safe_load(read_pipeline())["stages"]


@pytest.fixture(scope="module")
def reads(pipeline, finished, tmp_path_factory):
    """What each stage reads, by stage, watched in the finished project with its outs made again."""
    project = finished.copy(tmp_path_factory.mktemp("reads") / "project")
    for folder in [*project.folder.glob("src/**/__pycache__")]:  # what is compiled would be read instead of the source
        shutil.rmtree(folder)
    (project.folder / "src/watch.py").write_text(WATCHER)
    # Trainings last: what others import is theirs.
    commands = {stage: pipeline[stage]["cmd"] for stage in sorted(STAGES, key=lambda stage: "train" in stage)}
    project.run("python", "src/watch.py", json.dumps(commands))
    return json.loads((project.folder / "heard.json").read_text())


def declared_outs(pipeline, stage):
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in pipeline[stage].get(kind, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


@pytest.mark.parametrize("stage", STAGES)
def test_deps__are_exactly_the_files_that_the_script_reads(stage, pipeline, reads):
    declared = {dep.replace("${fetch.folder}", "faces") for dep in pipeline[stage]["deps"]}
    # Not inputs: parameters are declared apart; the rest is of tracking, which changes no out, and what it looks at.
    # torch, if it is imported meanwhile, reads the script that runs: the watcher.
    aside = re.compile(
        r"(params|dvc)\.yaml|stages/fetch/provenance.json|mlflow\.db|\.mlflow\.lock|mlartifacts|dvc\.lock|\.scratch|\.git/|\.dvc/"
        r"|src$|src/watch\.py|src/sparsefaces$|src/sparsefaces/tracking(/|$)|src/sparsefaces/colors\.py|.*\.partial$"
    )
    own = declared_outs(pipeline, stage) | {f"stages/{stage}"}  # what it just wrote, it may read for tracking
    read = {file for file in reads[stage]["files"] if file not in own}
    undeclared = {f for f in read if not any(f == dep or f.startswith(f"{dep}/") for dep in declared)}
    undeclared = {file for file in undeclared if not aside.match(file)}
    unread = {dep for dep in declared if not any(f == dep or f.startswith(f"{dep}/") for f in read)}
    assert not undeclared
    assert not unread


@pytest.mark.parametrize("stage", STAGES)
def test_params__are_exactly_those_that_the_script_reads(stage, pipeline, reads):
    values = yaml.safe_load(PARAMS.read_text())
    kinds = {section: f"{section.capitalize()}Params" for section in ("fetch", "standardize", "train", "analyze")}
    kinds |= dict.fromkeys(("train_dense", "train_sparse"), "ModelParams")  # none is of section machine, or of tracking
    declared = {(kinds[section], key) for section in pipeline[stage].get("params", []) for key in values[section]}
    read = {tuple(key) for key in reads[stage]["keys"]}
    assert read - declared == set()
    unread = declared - read
    # The tiny pipeline reads ORL, so neither a fallback nor a folder.
    assert unread == ({("FetchParams", "fallback"), ("FetchParams", "folder")} if stage == "fetch" else set())


@pytest.mark.parametrize("stage", STAGES)
def test_outs__are_exactly_the_files_that_the_stage_leaves(stage, pipeline, finished):
    left = {f"stages/{stage}/{file.name}" for file in finished.path(stage).iterdir()}
    assert left - {f"stages/{stage}/.gitignore"} == declared_outs(pipeline, stage)


def test_outs__small_ones_are_in_git_and_large_ones_in_the_cache(finished, pipeline):
    tracked = set(finished.run("git", "ls-files", "stages").split())
    outs = set().union(*(declared_outs(pipeline, stage) for stage in STAGES))
    large = {out for out in outs if out.endswith((".npy", ".npz", ".safetensors", ".html"))}
    assert outs & tracked == outs - large


def test_deps__name_neither_tracking_nor_review_nor_the_exercise(pipeline):
    others = ("tracking", "review", "exercise")
    deps = {dep for stage in pipeline.values() for dep in stage["deps"]}
    assert [dep for dep in deps if dep.startswith(tuple(f"src/sparsefaces/{other}" for other in others))] == []


@pytest.mark.parametrize(("stage", "code"), [("train_dense", TRAINING_CODE), ("analyze", ANALYSIS_CODE)])
def test_keys__hash_the_packages_that_dvc_yaml_names(stage, code, pipeline):
    deps = pipeline[stage]["deps"]
    parts = {dep.removeprefix("src/sparsefaces/") for dep in deps if dep.startswith("src/sparsefaces/")}
    assert parts == {"__init__.py", *code}


def test_scripts__that_do_not_train_do_not_import_torch(reads):
    assert [stage for stage in STAGES if reads[stage]["torch"]] == ["train_dense", "train_sparse"]
