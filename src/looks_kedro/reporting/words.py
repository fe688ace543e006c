"""The words of the report in the reader's language: one file a language, ``messages/<language>.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from looks_kedro.errors import BadParameterError

__all__ = ["LANGUAGES", "Words", "isolated", "words_of"]

LANGUAGES = ("en", "ja")
"""Languages that there is a file for."""


class Words(Mapping[str, str]):
    """The messages of one language by dotted key; values are put in as text, never as markup."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        """Messages.

        Args:
            language: as in the attribute ``lang`` of HTML.
            messages: by key; ``{name}`` stands for a value.
        """
        self.language = language
        self._messages = dict(messages)

    def __getitem__(self, key: str) -> str:
        return self._messages[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    def __call__(self, key: str, **values: Any) -> Markup:
        """The message of a key.

        Args:
            key: such as ``data.title``.
            values: what stands for its names; text is escaped.

        Raises:
            KeyError: the language has no such message, or a value that it names is missing.
        """
        return Markup(escape(self._messages[key])).format(**values)

    def named(self, kind: str, name: str, **values: Any) -> Markup:
        """The word for a name of the data, such as a channel; an unknown one stands as it is, without underscores.

        Args:
            kind: the group of messages, such as ``channel``.
            name: in the data.
            values: what stands for the names in the message.
        """
        key = f"{kind}.{re.sub('[^A-Za-z0-9]+', '_', name)}"
        return self(key, **values) if key in self._messages else escape(name.replace("_", " "))

    def person(self, name: str) -> Markup:
        """A name from outside, in an element of its own: its direction does not touch what stands beside it."""
        return Markup("<bdi>{}</bdi>").format(name)

    def listed(self, names: list[Markup]) -> Markup:
        """Some words as a list in a sentence."""
        if len(names) < 2:
            return names[0] if names else Markup("")
        *first, last = names
        return Markup(escape(self._messages["list.comma"])).join(first) + self("list.and") + last


@cache
def words_of(language: str) -> Words:
    """The words of a language.

    Raises:
        BadParameterError: there is no file for it.
    """
    if language not in LANGUAGES:
        raise BadParameterError(f"reporting.language is {language!r}; expected one of {', '.join(LANGUAGES)}.")
    text = (files(__package__) / "messages" / f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, dict(_flat(tomllib.loads(text))))


def isolated(name: str) -> str:
    """A name from outside for an attribute, which no element can hold: its direction stays its own (U+2068, U+2069)."""
    return f"\u2068{name}\u2069"


def _flat(messages: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in messages.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)
