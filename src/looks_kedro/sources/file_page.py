"""What a file's page on Wikimedia Commons says of it: title, author, licence, date; freed of its markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from html.parser import HTMLParser
from typing import Any

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_VAGUE = re.compile(r"\b(circa|c\.|ca\.|about|around|before|after|between|or|until|unknown|early|late)(?=\W|$)", re.I)
_EMPTY_TAGS = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")


def plain_text(markup: str) -> str:
    """The visible text of a piece of HTML, on one line."""
    reader = _Visible()
    reader.feed(markup)
    reader.close()
    return " ".join("".join(reader.pieces).split())


class _Visible(HTMLParser):
    """Collects text, without scripts, styles and what is hidden (Commons repeats names in hidden elements)."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _EMPTY_TAGS:
            self.pieces.append(" " if tag in ("br", "hr") else "")
            return
        style = (dict(attrs).get("style") or "").replace(" ", "").lower()
        self._open.append((tag, tag in ("script", "style") or "display:none" in style))
        self.pieces.append(" " if tag in ("p", "div", "li", "tr", "td", "th", "ul", "table") else "")

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self._open]
        if tag in names:
            # Elements that were left open inside end with it.
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self._open):
            self.pieces.append(data)


def described(metadata: Any, name: str) -> str:
    """A field of ``extmetadata`` with its markup, "" where the page does not tell.

    Args:
        metadata: of an ``imageinfo``; an empty one comes as a list.
        name: such as ``LicenseShortName``.
    """
    field = metadata.get(name) if isinstance(metadata, Mapping) else None
    value = field.get("value") if isinstance(field, Mapping) else None
    return "" if value is None else str(value)


def photo_date(markup: str) -> str:
    """When a photo was taken: ``yyyy``, ``yyyy-mm`` or ``yyyy-mm-dd``; "" where the page does not tell exactly.

    Commons' pages have ISO dates, dates in words (the API is asked for English) and free text. Anything vague
    (circa, before, a range, two years) counts as unknown.

    Args:
        markup: the field ``DateTimeOriginal``.
    """
    text = plain_text(markup)
    years = set(re.findall(r"(?<!\d)[12]\d{3}(?!\d)", text))
    if _VAGUE.search(text) or len(years) != 1:
        return ""
    match = re.search(r"(?<!\d)([12]\d{3})([-:/])(\d\d)(?:\2(\d\d))?(?!\d)", text)
    if match:
        return _checked(int(match[1]), int(match[3]), int(match[4] or 0))
    year = int(years.pop())
    words = "|".join(_MONTHS)
    month = re.search(rf"\b({words})\b", text, re.I)
    if month is None:
        return _checked(year, 0, 0) if re.search(rf"(?<!\w){year}(?!\w)", text) else ""
    number = _MONTHS.index(month[1].lower()) + 1
    day = re.search(rf"(?<!\d)(\d\d?)\.? (?:{words})\b|\b(?:{words}) (\d\d?)(?!\d)", text, re.I)
    return _checked(year, number, int(day[1] or day[2]) if day else 0)


def _checked(year: int, month: int, day: int) -> str:
    """The date in ISO form; months and days of 0 are not known, impossible dates are none at all."""
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return ""
    if not month:
        return f"{year:04d}"
    return f"{year:04d}-{month:02d}-{day:02d}" if day else f"{year:04d}-{month:02d}"
