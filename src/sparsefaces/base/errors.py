"""The one error that ends in a message instead of a traceback."""


class UserError(Exception):
    """Something the user can put right; its text names the thing, what is wrong and what to do."""
