"""What pages of docs give to type."""

import re
from pathlib import Path

from projects import ROOT

GUIDE = (ROOT / "docs/make-it-yours.md").read_text(encoding="utf-8")


def blocks(section: str, guide: str = GUIDE) -> list[str]:
    """List the blocks of code in a section, without the indentation of the list that they stand in."""
    text = guide.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^( *)```\w+\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def type_in(path: Path, *edits: tuple[str, str]) -> None:
    """Put text in the place of other text, which stands there once."""
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, f"{path} has {text.count(old)} of {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
