"""YAML as DVC reads it, and what in it other readers would take otherwise.

Always with ruamel.yaml's own parser, not with the one in C that some environments add (conda's): that one tells
plain values otherwise, and ends the process on brackets nested deep.
"""

import json
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

# What ruamel.yaml raises: text that is not YAML or of another version, values that do not fit their tag, nesting
# without end.
NOT_YAML: tuple[type[Exception], ...] = (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
NOT_YAML += (AssertionError,)
MOST_VALUES = 10_000


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read YAML with DVC's own reader: what DVC writes, in any spelling, has the value that DVC knows.

    Raises:
        NOT_YAML: One of these, if it is not YAML or holds too much.
    """
    yaml = _reader()
    root = yaml.compose(text)
    for _ in _nodes(root):  # counts them, before anchors that multiply become values
        pass
    return None if root is None else yaml.constructor.construct_document(root)


def ambiguities(text: str) -> list[str]:
    """Say, one line each, which keys stand in the text twice and which values readers of YAML take differently.

    Raises:
        NOT_YAML: One of these, if it is not YAML or holds too much.
    """
    problems: list[str] = []
    for name, node in _nodes(_reader().compose(text)):
        if isinstance(node, MappingNode):
            problems += _keys_twice(name, node)
        elif isinstance(node, ScalarNode) and node.style is None and (other := _other_reading(node.value)) is not None:
            dvc, others = json.dumps(_read(node.value)), json.dumps(other)
            problems.append(
                f"{name} is written {node.value}, which DVC reads as {dvc} and other readers of YAML as {others}: "
                f"write {dvc} or {others}"
            )
    return problems


def _reader() -> YAML:
    return YAML(typ="safe", pure=True)


def _nodes(root: Node | None) -> Iterator[tuple[str, Node | None]]:
    """Name every value and every group of values, each anchor's as often as it is used."""
    waiting = [("", root)]
    count = 0
    while waiting:
        name, node = waiting.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values")
        yield name, node
        if isinstance(node, MappingNode):
            waiting += [(_join(name, key), value) for key, value in reversed(node.value)]
        elif isinstance(node, SequenceNode):
            waiting += [(name, value) for value in reversed(node.value)]


def _join(name: str, key: Node) -> str:
    return f"{name}.{key.value}".removeprefix(".") if isinstance(key, ScalarNode) else name


def _keys_twice(name: str, mapping: MappingNode) -> Iterator[str]:
    lines: dict[str, int] = {}
    for key, _ in mapping.value:
        line, full = key.start_mark.line + 1, _join(name, key)
        if full in lines:
            yield f"{full} stands there twice, in lines {lines[full]} and {line}: keep one"
        lines[full] = line


def _other_reading(spelling: str) -> bool | int | float | str | None:
    """Say how YAML 1.1, or 1.2 to the letter, reads what DVC reads otherwise; None if all agree."""
    dvc = _read(spelling)
    if not isinstance(dvc, int | float | str) or isinstance(dvc, bool):
        return None
    if not isinstance(dvc, str) and ("_" in spelling or "0b" in spelling):
        return spelling
    # DVC's 1e-05 is text to YAML 1.1 alone, and plainly a number to whoever reads it.
    other = dvc if isinstance(dvc, float) else _read(spelling, (1, 1))
    return None if other == dvc else other


def _read(spelling: str, version: tuple[int, int] = (1, 2)) -> Any:  # noqa: ANN401 - whatever is spelt so
    yaml = _reader()
    yaml.version = version
    return yaml.load(spelling)
