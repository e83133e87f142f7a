"""Addresses in messages: what may be shown of one."""

import re


def without_login(address: str) -> str:
    """Take the user name and password out of an address.

    >>> without_login("https://ada:secret@example.org/lfw")
    'https://example.org/lfw'
    >>> without_login("postgresql://h/db?user=ada&password=secret&sslmode=require")
    'postgresql://h/db?***'
    """
    return re.sub(r"(?s)^([\w+.-]+://)?.*@", r"\1", _without_query(address))


def without_logins(text: str) -> str:
    """Take the user names and passwords out of the addresses in a text.

    >>> without_logins("API request to http://ada:secret@example.org:5000/api failed")
    'API request to http://example.org:5000/api failed'
    """
    return re.sub(r"(?<=://)[^\s/]*@", "", _without_query(text))


def _without_query(text: str) -> str:
    """Hide what follows the question mark of an address, such as ?user=ada&password=secret."""
    return re.sub(r"(://[^\s?]*\?)[^\s'\"]+", r"\1***", text)
