"""Addresses in messages: what may be shown of one."""

import re


def without_login(address: str) -> str:
    """Take the user name and password out of an address.

    >>> without_login("https://ada:secret@example.org/lfw")
    'https://example.org/lfw'
    """
    return re.sub(r"(?s)^([\w+.-]+://)?.*@", r"\1", address)


def without_logins(text: str) -> str:
    """Take the user names and passwords out of the addresses in a text.

    >>> without_logins("API request to http://ada:secret@example.org:5000/api failed")
    'API request to http://example.org:5000/api failed'
    """
    return re.sub(r"(?<=://)[^\s/]*@", "", text)
