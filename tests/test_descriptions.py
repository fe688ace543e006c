from __future__ import annotations

from looks_kedro.descriptions import description


def whole(path):
    """Do one thing.

    And say a word: of it.

    Args:
        path: where.

    Returns:
        What came of it:
        a table.

    Raises:
        OSError: never.
    """


def short(path):
    """Do it."""


def test_a_description_is_the_docstring_without_arguments_and_errors():
    assert description(whole) == "Do one thing.\n\nAnd say a word: of it.\n\nReturns: What came of it: a table."
    assert description(short) == "Do it."
    assert description(lambda path: path) == "<lambda>"
