"""Dates that may be incomplete, and the age that a person has on a photo."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from looks_kedro.tables import AGES

LONGEST_LIFE = 122
"""Years; nobody is known to have lived longer. A photo later than that is a copy of an old one."""

CAMERA_DEFAULTS = frozenset({"1904-01-01", "1970-01-01", "1980-01-01", "2000-01-01"})
"""Where clocks begin that were never set; a photo of exactly that day is hardly ever one."""

_FIRST_AGES = [int(age.split("-")[0]) for age in AGES[:-1]] + [70]


@dataclass(frozen=True)
class Day:
    """A date as far as it is known.

    Args:
        first: the first day that it may be.
        middle: the day that it counts as: itself, the 15th of a month, the 1st of July of a year.
        last: the last day that it may be.
    """

    first: date
    middle: date
    last: date


@dataclass(frozen=True)
class PhotoAge:
    """The age on a photo, and what it rests on.

    Args:
        group: one of ``AGES``, "" where unknown.
        source: name of the date that was used, "" where none could be.
        refused: (name, date, why) of each date that was set aside.
    """

    group: str
    source: str
    refused: tuple[tuple[str, str, str], ...]


def read_date(text: str) -> Day | None:
    """Read ``yyyy``, ``yyyy-mm`` or ``yyyy-mm-dd``; a month or day 00 is unknown.

    Args:
        text: the date.

    Returns:
        The date, or None where there is no such day in the calendar (0000-00-00, 2001-02-29, the empty text).
    """
    parts = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", text.strip(), re.ASCII)
    if parts is None:
        return None
    year, month, day = (int(part or 0) for part in parts.groups())
    if month == 0 and day != 0:
        return None
    try:
        if not month:
            return Day(date(year, 1, 1), date(year, 7, 1), date(year, 12, 31))
        if not day:
            return Day(date(year, month, 1), date(year, month, 15), _end_of_month(year, month))
        return Day(*[date(year, month, day)] * 3)
    except ValueError:
        return None


def full_years(birth: Day, photo: Day) -> int:
    """Birthdays that the person has had on the day of the photo; incomplete dates count as their middle.

    Who is born on the 29th of February has the birthday on the 1st of March in common years. A photo of the year or
    month of birth is never before it.
    """
    born, taken = birth.middle, photo.middle
    return max(0, taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day)))


def age_group(years: int) -> str:
    """FairFace's age group of a number of full years; 70 and above are ``more than 70``."""
    return AGES[sum(first <= years for first in _FIRST_AGES) - 1]


def age_on_photo(birth: Day, dates: Sequence[tuple[str, str]], today: date) -> PhotoAge:
    """The age on a photo, by the first of several dates that is possible.

    Args:
        birth: when the person was born.
        dates: (name, date) from the best to the worst; empty dates are passed over.
        today: the last day on which a photo can have been taken.
    """
    refused: list[tuple[str, str, str]] = []
    for name, text in dates:
        if not text:
            continue
        taken = read_date(text)
        why = "no such date" if taken is None else _why_not(text.strip(), taken, birth, today)
        if taken is not None and not why:
            return PhotoAge(age_group(full_years(birth, taken)), name, tuple(refused))
        refused.append((name, text, why))
    return PhotoAge("", "", tuple(refused))


def _why_not(text: str, taken: Day, birth: Day, today: date) -> str:
    if text in CAMERA_DEFAULTS:
        return "where a clock begins that was never set"
    if taken.first > today:
        return "in the future"
    if taken.last < birth.first:
        return "before the birth"
    if full_years(birth, taken) > LONGEST_LIFE:
        return f"more than {LONGEST_LIFE} years after the birth"
    return ""


def _end_of_month(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
