"""Words of strangers in Markdown: shown as they are, never obeyed.

What a pull request calls its parameters, files and claims stands in a comment that a bot posts. Neither may write
a heading, a verdict, a link or a picture of its own into it, nor call people by name.
"""

import re

SPECIAL = re.compile(r"[\\`*\[\]<>|~#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# Nothing in it that a renderer would change: a number, or words.
PLAIN = re.compile(r"[A-Za-z0-9 .,+-]*")


def line_of(value: object) -> str:
    """Write a value on one line, without characters that are not seen or turn others round."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(str(value).split()))


def text(value: object) -> str:
    """Write a value as text of one line."""
    line = SPECIAL.sub(r"\\\g<0>", line_of(value)).replace("&", "&amp;")
    # GitHub finds names and addresses in plain text, too.
    return line.replace("@", "@\u200b").replace("://", ":\\//").replace("www.", "www\\.")


def code(value: object) -> str:
    """Write a value as code of one line, in as many backticks as it takes."""
    line = line_of(value) or " "
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{edge}{line}{edge}{fence}".replace("|", "\\|")


def cell(value: object) -> str:
    """Write a value as it is if it is a number or words, and as code otherwise."""
    return str(value) if PLAIN.fullmatch(str(value)) else code(value)
