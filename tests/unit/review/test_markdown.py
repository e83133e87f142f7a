"""Nobody can write another verdict into a review: strangers' words are shown, as a renderer of Markdown has them."""

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import example, given
from markdown_it import MarkdownIt

from sparsefaces.review.markdown import cell, code, line_of, text
from sparsefaces.review.page import render_review

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = (
    "a`\n\n## dvc.lock is in sync, approved\n\n`",
    "![seen](https://example.org/pixel.png) @ada",
    "<img src=x onerror=alert(1)> <!-- **bold** -->",
    "| cut | off |\n|---|---|",
    "``` \n~~~ </details> &lt;b&gt; \\` \\",
    "[link](javascript:alert(1)) www.example.org __init__ ~~no~~",
)
words = st.one_of(st.sampled_from(NASTY), st.text(alphabet="`|\\*_[]()<>&#!~@:/ \nab1-", max_size=30), st.text())


def inline(markdown):
    """The tokens within the only cell of a table."""
    tokens = MARKDOWN.parse(f"| head |\n|---|\n| {markdown} |\n")
    cells = [token for after, token in pairwise(tokens) if after.type == "td_open"]
    assert len(cells) == 1
    assert [token.type for token in tokens].count("table_open") == 1
    return cells[0].children


def shown(tokens):
    return "".join(token.content for token in tokens).replace("@\u200b", "@")


@given(words)
@example(NASTY[0])
def test_text__is_shown_as_it_is(value):
    tokens = inline(text(value))
    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert shown(tokens) == line_of(value)


@given(words)
@example(NASTY[4])
def test_code__is_shown_as_it_is(value):
    (token,) = inline(code(value))
    assert token.type == "code_inline"
    assert token.content.strip() == line_of(value)


def test_line__has_no_characters_that_hide_or_turn_others():
    assert line_of("a\n\x00b \u202ecba") == "a \ufffdb \ufffdcba"


@given(words)
def test_cell__is_a_number_words_or_code(value):
    assert {token.type for token in inline(cell(value))} <= {"text", "code_inline"}


@pytest.mark.parametrize("value", ["0.1", "1e-05", "orl", "None", "-3", "constant"])
def test_cell__leaves_what_is_plain_alone(value):
    assert cell(value) == value


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("repository", ["ada/faces", ""])
def test_review__of_hostile_words_has_its_own_headings_and_nothing_else_of_theirs(nasty, repository, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    review = {
        "base": nasty,
        "then": "a" * 40,
        "now": "b" * 40,
        "folder": nasty,
        "dirty": False,
        "stale": [nasty],
        "missing": 0,
        "alerts": [nasty],
        "params": [(nasty, nasty, nasty)],
        "stages": [(nasty, [nasty], [nasty])],
        "metrics": [(nasty, "", [nasty, nasty])],
        "other_metrics": [(nasty, nasty)],
        "claims": [(nasty, nasty, nasty, nasty)],
        "figures": [(nasty, True, True)],
    }
    tokens = MARKDOWN.parse(render_review(review))
    opened = [(before.tag, token) for before, token in pairwise(tokens) if before.type == "heading_open"]
    headings = [shown(token.children) for tag, token in opened if tag == "h3"]
    assert headings == ["Parameters", "Stages", "Metrics", "Claims whose verdict changed", "Figures"]
    assert len(opened) == len(headings) + 1
    children = [child for token in tokens for child in token.children or ()]
    pictures = [child.attrs["src"] for child in children if child.type == "image"]
    server = "https://github.com/ada/faces/raw/"
    assert len(pictures) == (2 if repository else 0)
    assert all(picture.startswith(server) for picture in pictures)
    assert not [child for child in children if child.type in ("link_open", "html_inline", "s_open", "em_open")]
    blocks = [token.content for token in tokens if token.type == "html_block"]
    allowed = ("<details>", "</details>")
    assert all(block.startswith(allowed) and block.count("<") <= 6 for block in blocks)
    assert [token.type for token in tokens].count("table_open") == (5 if repository else 4)
