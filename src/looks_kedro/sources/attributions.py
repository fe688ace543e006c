"""The list of authors and licences that must go wherever the licensed photos go."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_HEAD = """# Attributions

Photos from Wikimedia Commons, with author and licence as their pages told when they were fetched. The study works on
faces cut out of them and scaled; most licences ask that such changes are mentioned.
"""


def attributions_page(attributions: pd.DataFrame) -> str:
    """Table ``attributions`` as a text in Markdown, a section a person, in the order of the table.

    Args:
        attributions: table ``attributions``.
    """
    parts = [_HEAD]
    for identity, photos in attributions.groupby("identity", sort=False):
        lines = [_line(photo) for _, photo in photos.iterrows()]
        parts.append("\n".join([f"## {_escaped(str(identity))}", "", *lines, ""]))
    if attributions.empty:
        parts.append("No photo needs an attribution.\n")
    return "\n".join(parts)


def _line(photo: pd.Series[Any]) -> str:
    told = {str(name): str(value) for name, value in photo.items()}
    title = _linked(told["title"] or told["file"], told["page"] or told["origin"])
    author = _escaped(told["author"]) or "author not named"
    return f"- {title}, by {author}, {_linked(told['licence'], told['licence_url'])} (`{told['file']}`)"


def _linked(text: str, address: str) -> str:
    # Angle brackets keep spaces and parentheses of an address inside the link.
    return f"[{_escaped(text)}](<{re.sub('[<>]', '', address)}>)" if address else _escaped(text)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", " ".join(text.split()))
