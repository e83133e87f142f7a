from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dvc.api import params_show
from dvc.repo import Repo
from dvc.utils.serialize import dump_yaml, load_yaml, parse_yaml
from hypothesis import given
from hypothesis import strategies as st
from samples import PARAMS, with_lines

from sparsefaces.base.cache import key_of
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Params, load_params
from sparsefaces.base.yaml_files import NOT_YAML, ambiguities, read_yaml


def multiplying(group):
    """Thirty lines, each nine times the one before."""
    return "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {group % ', '.join([f'*a{n - 1}'] * 9)}\n" for n in range(1, 30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("a: 2024-13-45", "a is written 2024-13-45, which readers"),
        ("a: !!float ''", "is not valid YAML"),
        ("%YAML 1.1\n---\na: 1", "is not valid YAML: it has a directive, as %YAML: remove that line"),
        ("a: !!omap [b: 1, b: 2]", "is not valid YAML: a has the tag tag:yaml.org,2002:omap: remove it"),
        ("a: 1\n---\na: 1", "is not valid YAML: expected a single document"),
        ("a: \0", "is not valid YAML"),
        ("a: " + "1" * 5000, "is not valid YAML: Exceeds the limit"),
        ("a: " + "[" * 1000, "is not valid YAML: maximum recursion depth"),
        (multiplying("[%s]"), "is not valid YAML: it holds more than 10,000 values"),
        (multiplying("{<<: [%s]}"), "is not valid YAML: it holds more than 10,000 values"),
        ("a: &a [*a]", "is not valid YAML: it holds more than 10,000 values"),
        (None, "run from the project's top"),
    ],
)
def test_load_params__unreadable_file_is_an_error(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_params(path)


@pytest.mark.parametrize("spelling", ["1e-05", "1e-4", "1E-4", "1.e-5", "0.1e-3", "1.0e-4", ".5", "+.5e-3", "5.", "+1"])
def test_load_params__numbers_are_read_as_dvc_reads_them(in_tmp, spelling):
    value = load_params(with_lines(in_tmp, {"train.learning_rate": spelling})).train.learning_rate
    assert value == float(spelling) == params_of_dvc(in_tmp)["train"]["learning_rate"]
    assert key_of({"learning_rate": value}) == key_of({"learning_rate": float(spelling)})


def params_of_dvc(folder):
    Repo.init(str(folder), no_scm=True, force=True).close()
    return params_show(repo=str(folder))


@pytest.mark.parametrize(
    ("key", "spelling"),
    [
        ("train.seed", "010"),
        ("train.seed", "0o10"),
        ("train.seed", "09"),
        ("train.seed", "0x10"),
        ("train.iterations", "1_000"),
        ("train.iterations", "0b11"),
        ("train.iterations", "01.5"),
        ("train.learning_rate", "1_0e-5"),
        ("train.learning_rate", ".5e5"),
        ("machine.download_timeout", "1:30"),
        ("fetch.folder", "yes"),
        ("fetch.folder", "Off"),
        ("fetch.folder", "2026-11-28"),
        ("fetch.folder", "2026-11-28 10:00:00"),
        ("fetch.resize", "[010, 11]"),
    ],
)
def test_load_params__value_that_readers_take_differently_is_refused_by_name(tmp_path, key, spelling):
    with pytest.raises(UserError) as error:
        load_params(with_lines(tmp_path, {key: spelling}))
    written = spelling.strip("[").partition(",")[0]
    assert f"params.yaml: {key} is written {written}, which readers of YAML take differently: write" in str(error.value)
    assert "\n" not in str(error.value)


def test_load_params__quoted_text_and_ordinary_words_are_clear(tmp_path):
    assert load_params(with_lines(tmp_path, {"fetch.folder": "'yes'"})).fetch.folder == "yes"
    assert load_params(with_lines(tmp_path, {"fetch.folder": "../our faces"})).fetch.folder == "../our faces"


def test_load_params__key_twice_is_refused_with_both_its_lines(tmp_path):
    path = with_lines(tmp_path, {"train.seed": "2\n  seed: 3"})
    with pytest.raises(UserError, match=r"params.yaml: train.seed stands there twice, in lines 13 and 14: keep one"):
        load_params(path)


def test_load_params__an_anchor_stands_for_its_value(tmp_path):
    path = with_lines(tmp_path, {"train_dense.lambda": "&weight 0.5", "train_sparse.lambda": "*weight"})
    assert load_params(path).train_sparse.lambd == 0.5


@given(st.text(alphabet="0123456789abeoxyntTrue_:.+-~= ", max_size=9))
def test_yaml__what_is_plain_has_the_value_that_dvc_knows_or_is_refused(text):
    text = f"a: {text}\n"
    with suppress(*NOT_YAML):
        if not ambiguities(text):
            ours, dvc = read_yaml(text), parse_yaml(text, "params.yaml")
            assert (ours, type(ours["a"])) == (dvc, type(dvc["a"])) or ours["a"] != ours["a"]


def test_yaml__reads_what_dvc_writes(tmp_path):
    values = [
        1e-05,
        1e22,
        -0.0,
        0.1,
        10,
        -3,
        True,
        None,
        "yes",
        "010",
        "1:30",
        "1e3",
        "0x10",
        "2026-11-28",
        "~",
        "",
        "=",
        " a",
    ]
    dump_yaml(tmp_path / "dvc.lock", {"values": values})
    read = read_yaml((tmp_path / "dvc.lock").read_text())["values"]
    assert list(map(repr, read)) == list(map(repr, values))


WORDS = st.text(alphabet="0123456789abeox_:.+-~ynTrue[]{}&*!<>|'\"#%@?,\n ", max_size=12)


@st.composite
def edited(draw):
    """params.yaml after some edits of lines: left out, twice, indented otherwise, another value, something else."""
    lines = PARAMS.read_text().splitlines()
    for _ in range(draw(st.integers(1, 4))):
        n, edit = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, 4))
        name = lines[n].partition(":")[0]
        lines[n : n + 1] = {
            0: [],
            1: [lines[n]] * 2,
            2: [draw(st.sampled_from(["", " ", "    ", "\t", "- "])) + lines[n].strip()],
            3: [f"{name}: {draw(WORDS)}"],
            4: [lines[n], draw(WORDS)],
        }[edit]
    return "\n".join(lines)


@given(edited())
def test_load_params__any_edit_of_the_file_ends_in_params_or_one_message(text):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            params = load_params(path)
        except UserError as error:
            assert "params.yaml" in str(error) or any(name in str(error) for name in Params.model_fields)
        else:  # what DVC records is what the stage takes
            read = load_yaml(str(path))
            for name, keys in params.model_dump(mode="json", by_alias=True).items():
                defaults = {"activation": "relu", "k": None}  # of keys that may be missing
                assert {key: (defaults | read[name])[key] for key in keys} == keys
