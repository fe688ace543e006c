"""Errors of the datasets: Kedro lets them through as they are, and the command line shows their message alone."""

from __future__ import annotations

from kedro.io.core import DatasetError, VersionNotFoundError

from looks_kedro.errors import BadInputError


class UnusableDataError(BadInputError, DatasetError):
    """What lies on disk, or what is to be saved, breaks the rules of its dataset."""


class MissingVersionError(BadInputError, VersionNotFoundError):
    """The version asked for does not exist, or there is none yet."""
