"""Kinds of columns: what a cell may hold, and how that is told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looks_kedro.tables.vocabulary import AGES, GENDERS, RACES, Kind

if TYPE_CHECKING:
    import pandera.pandas as pa


def column(kind: Kind, *checks: Any, missing: bool = False) -> pa.Column:
    """A column of one kind with its checks; types are settled before pandera sees the values."""
    import pandera.pandas as pa

    # Types are settled by check_table before pandera sees the values, the same way for pandas 2 and 3.
    return pa.Column(None, checks=list(checks), nullable=missing, metadata={"kind": kind})


def text(required: bool = False) -> pa.Column:
    """Any text; a required one is not empty."""
    import pandera.pandas as pa

    checks = [pa.Check(lambda values: values.str.len() > 0, error="a text that is not empty")] if required else []
    return column("text", *checks)


def matching(pattern: str, meaning: str) -> pa.Column:
    """Text of a pattern; the meaning is what an error says was expected."""
    import pandera.pandas as pa

    return column("text", pa.Check(lambda values: values.str.fullmatch(pattern), error=meaning))


def file_key() -> pa.Column:
    """A relative file name with forward slashes."""
    pattern = r"(?!/)(?!.*(^|/)\.{1,2}(/|$))(?!.*//)(?s:.)*[^/]"
    return matching(pattern, "a relative file name with forward slashes, such as ada/0001.jpg")


def word(*words: str, unknown: bool = False) -> pa.Column:
    """One of some words."""
    import pandera.pandas as pa

    told = ", ".join(words) + (", or empty where unknown" if unknown else "")
    allowed = [*words, ""] if unknown else list(words)
    return column("text", pa.Check(lambda values: values.isin(allowed), error=f"one of {told}"))


def within(kind: Kind, low: float, high: float, missing: bool = False) -> pa.Column:
    """A number in a range, the ends included."""
    import pandera.pandas as pa

    told = f"a number from {low:g} to {high:g}" if high != float("inf") else f"a number of at least {low:g}"
    return column(kind, pa.Check(lambda values: (values >= low) & (values <= high), error=told), missing=missing)


def whole(low: int = 0) -> pa.Column:
    """A whole number of at least ``low``."""
    return within("whole", low, float("inf"))


def number(low: float = -1e9, high: float = 1e9, missing: bool = False) -> pa.Column:
    """A finite number in a range; missing only where said."""
    return within("number", low, high, missing)


def looks() -> pa.Column:
    """The class: 1 celebrity, 0 ordinary."""
    import pandera.pandas as pa

    return column("whole", pa.Check(lambda values: values.isin([0, 1]), error="1 (celebrity) or 0 (ordinary)"))


def attributes() -> dict[str, pa.Column]:
    """FairFace's age, gender and race; empty where unknown."""
    return {name: word(*words, unknown=True) for name, words in (("age", AGES), ("gender", GENDERS), ("race", RACES))}


def day() -> pa.Column:
    """A date, a month or a year; empty where unknown."""
    return matching(r"(\d{4}(-\d\d(-\d\d)?)?)?", "a date such as 1990-05-17, 1990-05 or 1990, or empty")


def perceptual_hash() -> pa.Column:
    """64 bits in hexadecimal digits; empty where unknown."""
    return matching("([0-9a-f]{16})?", "16 hexadecimal digits, or empty")


def sha256() -> pa.Column:
    """A digest in hexadecimal digits; empty where unknown."""
    return matching("([0-9a-f]{64})?", "64 hexadecimal digits, or empty")
