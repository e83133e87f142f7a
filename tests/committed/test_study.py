"""The study's pages show the numbers of examples/study.json, in their tables and in their sentences."""

import json
import re

import pytest
import study_page
from projects import ROOT

PAGE = (ROOT / study_page.PAGE).read_text(encoding="utf-8")
NUMBER = r"(\d+(?:\.\d+)?)\s?(%?)"
SECTIONS = {  # of results.md, and the tables, or the key of claims.json, that their sentences quote
    "What is claimed, and what came out": "methods",
    "What each term does": ("ablation", "terms"),
    "The frontier": ("frontier",),
    "L1 and top-k": ("equal units",),
    "Are the filters the same with another seed": ("stability",),
    "Beside other methods": "methods",
    "Does sparsity compress?": "compression",
}


@pytest.fixture(scope="module")
def study():
    return json.loads((ROOT / study_page.RESULTS).read_text(encoding="utf-8"))


def test_study__tables_are_of_its_results(study):
    assert (ROOT / study_page.TABLES).read_text(encoding="utf-8") == study_page.lay_out(study)
    assert f"<!-- ablation -->\n{study_page.tables(study)['ablation']}\n<!-- /ablation -->" in PAGE


@pytest.mark.parametrize("title", SECTIONS)
def test_study__numbers_in_its_sentences_stand_in_its_tables(title, study):
    if isinstance(SECTIONS[title], str):
        tables = json.dumps(json.loads((ROOT / "stages/analyze/claims.json").read_text())[SECTIONS[title]])
    else:
        tables = "\n".join(study_page.tables(study)[name] for name in SECTIONS[title]).replace(",", "")
    known = [(float(number), unit) for number, unit in re.findall(NUMBER, tables)]
    known += [(100 * number, "%") for number, unit in known if number < 1]
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    prose = re.sub(r"\[[^]]*\]\([^)]*\)|`[^`]*`|^[|!<].*$|95 % bootstrap", "", section, flags=re.MULTILINE)
    for number, unit in re.findall(rf"(?<!L){NUMBER}", prose.replace(",", "")):
        near = 0.51 * 10 ** -len(number.partition(".")[2])
        assert any(abs(one - float(number)) <= near and of == unit for one, of in known), number


def test_study__longer_training_is_quoted_beside_the_usual_one(study):
    usual, longer = (next(row for row in study["models"] if row["label"] == name) for name in ("lambda 0", "longer"))
    sentence = re.search(r"has not converged.*?\n\n", PAGE, re.DOTALL)[0]
    shown = re.search(r"`rec` of (\S+) .* falls to (\S+) .* explains (\S+) %", sentence.replace("\n", " ")).groups()
    quoted = (usual["rec of training"], longer["rec of training"], 100 * longer["explained_variance"])
    assert [float(number) for number in shown] == [round(one, 1) for one in quoted]
