"""The study's page shows the numbers of examples/study.json, in its tables and in its sentences."""

import json
import re

import study_page
from projects import ROOT

PAGE = (ROOT / study_page.PAGE).read_text(encoding="utf-8")
STUDY = json.loads((ROOT / study_page.RESULTS).read_text(encoding="utf-8"))
NUMBER = r"\d+(?:\.\d+)?"


def test_study__tables_are_of_its_results():
    for name, table in study_page.tables(STUDY).items():
        assert PAGE.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0].strip() == table, name


def test_study__numbers_in_its_sentences_stand_in_the_tables_beside_them():
    sections = [section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE) if "<!-- /" in section]
    for section in sections:
        tables = [line for line in section.splitlines() if line.startswith("|")]
        known = [float(number) for line in tables for number in re.findall(NUMBER, line.replace(",", ""))]
        prose = re.sub(r"\[.*?\]\(.*?\)|`.*?`|```.*?```|^[|#!<].*?$", "", section, flags=re.MULTILINE | re.DOTALL)
        for number in re.findall(NUMBER, prose.replace(",", "")):
            digits = len(number.partition(".")[2])
            assert any(abs(one - float(number)) <= 0.51 * 10**-digits for one in known), (section[:40], number)
