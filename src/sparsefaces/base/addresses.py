"""Addresses on the network that may hold a user name and a password, of any characters."""

import re
from urllib.parse import quote


def quote_login(address: str) -> str:
    """Write a login so that all that reads the address finds its end.

    >>> quote_login("http://ann:pa/ss#w@rd@host:5000"), quote_login("sqlite:////a@b/file.db")
    ('http://ann:pa%2Fss%23w%40rd@host:5000', 'sqlite:////a@b/file.db')
    """
    return re.sub(r"(?<=://)[^/].*(?=@)", lambda login: quote(login[0], safe=":%"), address)


def without_login(text: object) -> str:
    """Take logins out of the addresses in a text, and rather too much than too little.

    >>> without_login("no http://ann:pa/ss w@rd@host:5000/a?key=k there"), without_login("no 'ann:w@host'")
    ('no http://host:5000/a?*** there', "no 'host'")
    """
    without = re.sub(r"(?<=:)(//?).*@", r"\1", str(text))
    without = re.sub(r"[^\s'\"]+@", "", without)  # of an address without its beginning
    return re.sub(r"(:/[^\s?]*\?)[^\s'\"]+", r"\1***", without)
