"""YAML as DVC reads and writes it, and what in it other readers would take otherwise."""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

# What PyYAML raises: text that is not YAML, numbers of more digits than Python reads, nesting without end.
NOT_YAML: tuple[type[Exception], ...] = (yaml.YAMLError, ValueError, RecursionError)
MOST_VALUES = 10_000
# Plain values that are neither text nor numbers to all readers of YAML 1.1 and 1.2.
AMBIGUOUS = re.compile(
    r"""(?ix) y | n | yes | no | on | off | =   # true or false to some
    | [-+]? 0 [box] [0-9a-f_]*                  # numbers with another base
    | [-+]? [0-9_.]* [0-9_] [0-9_.]* (e[-+]?[0-9_]*)?  # 010, 09, 1_000, 1.2.3
    | [-+]? [0-9_]+ (:[0-9_.]+)+                # 90 to some, where 1:30 is written
    | [0-9]{4} -[0-9]{1,2} -[0-9]{1,2} .*       # dates"""
)


class _Reader(yaml.SafeLoader):
    """Numbers as in YAML 1.2, where 1e-05 is one; whatever else is plain is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - instead of those of YAML 1.1


WHOLE = r"(?:0|[1-9][0-9]*)"
for _tag, _plain, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", rf"[-+]?{WHOLE}", list("-+0123456789")),
    ("float", rf"[-+]?(?:{WHOLE}\.[0-9]*(?:[eE][-+]?[0-9]+)?|{WHOLE}[eE][-+]?[0-9]+)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)", list("-+.")),
    ("merge", "<<", ["<"]),
):
    _Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_plain})$"), _first)


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read YAML: what DVC writes has the value that DVC knows.

    Raises:
        NOT_YAML: One of these, if it is not YAML, has tags or directives, or holds too much.
    """
    for _ in _nodes(text):  # counts them, before anchors that multiply become values
        pass
    return yaml.load(text, _Reader)  # noqa: S506 - a safe loader


def ambiguities(text: str) -> list[str]:
    """Say, one line each, which keys stand in the text twice and which values readers of YAML take differently.

    Raises:
        NOT_YAML: One of these, if it is not YAML, has tags or directives, or holds too much.
    """
    problems: list[str] = []
    for name, node in _nodes(text):
        if isinstance(node, MappingNode):
            problems += _keys_twice(name, node)
        elif node.tag.endswith(":str") and node.style is None and AMBIGUOUS.fullmatch(node.value):
            problems.append(
                f"{name} is written {node.value}, which readers of YAML take differently: "
                "write a number in decimal digits alone, true or false, or a text in quotes"
            )
    return problems


def _nodes(text: str) -> Iterator[tuple[str, Any]]:
    """Name every value and every group of values, each anchor's as often as it is used."""
    if re.search("^%", text, re.MULTILINE):
        raise ValueError("it has a directive, as %YAML: remove that line")
    reader = _Reader(text)
    root = reader.get_single_node()
    waiting = [("", root)] if root else []
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        name, node = waiting.pop()
        implicit = (node.style is None, True) if isinstance(node, ScalarNode) else True
        if node.tag != reader.resolve(type(node), node.value, implicit):  # type: ignore[no-untyped-call]
            raise ValueError(f"{name} has the tag {node.tag}: remove it")
        yield name, node
        if isinstance(node, MappingNode):
            waiting += [(_join(name, key), value) for key, value in reversed(node.value)]
        elif not isinstance(node, ScalarNode):
            waiting += [(name, value) for value in reversed(node.value)]
    raise ValueError(f"it holds more than {MOST_VALUES:,} values")


def _join(name: str, key: Node) -> str:
    return f"{name}.{key.value}".removeprefix(".") if isinstance(key, ScalarNode) else name


def _keys_twice(name: str, mapping: MappingNode) -> Iterator[str]:
    lines: dict[str, int] = {}
    for key, _ in mapping.value:
        line, full = key.start_mark.line + 1, _join(name, key)
        if full in lines:
            yield f"{full} stands there twice, in lines {lines[full]} and {line}: keep one"
        lines[full] = line
