"""Addresses in messages: what may be shown of one."""

import re


def without_login(address: str) -> str:
    """Take the user name and password out of an address.

    >>> without_login("https://ada:secret@example.org/lfw")
    'https://example.org/lfw'
    """
    return re.sub(r"(?s)^(\w+://)?.*@", r"\1", address)
