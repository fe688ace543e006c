"""Errors that are told to the user in one message, without a traceback.

Every message names the file, row or parameter, what was expected, what was found, and what to do.
"""

from __future__ import annotations


class LooksError(Exception):
    """Something that the user can mend; the command line shows its message alone."""


class BadInputError(LooksError):
    """A file, folder or row that cannot be used."""


class BadParameterError(LooksError):
    """A parameter that is unknown, of the wrong type, or out of range."""
