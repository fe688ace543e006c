"""Both languages say the same things, and say everything that the page and the data ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import looks_kedro.reporting
from looks_kedro.audit import CHANNELS
from looks_kedro.audit.regions import REGIONS
from looks_kedro.audit.verdict import Finding
from looks_kedro.cam.selection import SELECTIONS
from looks_kedro.cells import VARIANTS
from looks_kedro.errors import BadParameterError
from looks_kedro.reporting.words import LANGUAGES, Words, words_of
from looks_kedro.tables import AGES, GENDERS, RACES

FOLDER = Path(looks_kedro.reporting.__file__).parent
SOURCES = [*FOLDER.glob("*.py"), *FOLDER.glob("templates/report/*.j2"), FOLDER.parent / "pipelines/reporting/nodes.py"]


def values(message: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", message))


def test_both_languages_have_the_same_messages_with_the_same_values():
    english, japanese = (words_of(language) for language in ("en", "ja"))
    assert set(english) == set(japanese)
    assert {key for key in english if values(english[key]) != values(japanese[key])} == set()
    assert all(message.strip() or key.startswith("list") for key, message in {**english, **japanese}.items())


def test_japanese_messages_are_japanese():
    # Names that are the same in both: of things, of libraries, and what is only a value and a sign.
    same = {key for key in words_of("ja") if words_of("ja")[key] == words_of("en")[key]}
    assert same == {"column.auc", "machine.python", "method.cleanlab"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_of_the_data_has_its_word(language):
    words = words_of(language)
    names = {
        "channel": CHANNELS,
        "exchanged": CHANNELS,
        "by": set(CHANNELS) - {"random_patch"},
        "kind": {channel.kind for channel in CHANNELS.values()},
        "region": REGIONS,
        "section": SELECTIONS,
        "finding": list(Finding),
        "meaning": list(Finding),
        "variant": VARIANTS,
        "value": {*GENDERS, *RACES},
    }
    for kind, found in names.items():
        for name in found:
            assert f"{kind}.{re.sub('[^A-Za-z0-9]+', '_', str(name))}" in words
    assert all(words.named("value", age) for age in AGES)


def test_every_message_that_is_asked_for_is_there_and_every_one_is_asked_for():
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    asked = set(re.findall(r"""(?:say|words|self)(?:\(|\[)["']([\w.]+)["']""", text))
    asked |= set(re.findall(r'"(note\.\w+)"', text))
    words = words_of("en")
    # What ends in a dot or a line is only the beginning of a key.
    assert {key for key in asked if key not in words and key[-1] not in "._"} == set()
    quoted = asked | set(re.findall(r'"([a-z_]+\.\w+)"', text))
    named = set(re.findall(r"""named\(["'](\w+)["']""", text))
    built = {"answer", "verdict", "note", "maps", "step", "column", "controls", "repair", *named}
    titles = {f"{name}.title" for name in ("data", "models", "maps", "reliance", "known", "cost", "notes", "run")}
    assert {key for key in words if key not in quoted | titles and key.partition(".")[0] not in built} == set()


def test_values_are_text_and_never_markup():
    words = Words("en", {"a": "<b>{name}</b>", "list.comma": ", ", "list.and": " and "})
    assert str(words("a", name="<i>")) == "&lt;b&gt;&lt;i&gt;&lt;/b&gt;"
    assert str(words.person('"<i>')) == "<bdi>&#34;&lt;i&gt;</bdi>"
    assert str(words.named("channel", "<new>_one")) == "&lt;new&gt; one"
    assert str(words.listed([words.person("x"), words.person("y"), words.person("z")])).count("<bdi>") == 3


def test_an_unknown_language_is_told_with_those_there_are():
    with pytest.raises(BadParameterError, match="'fr'; expected one of en, ja"):
        words_of("fr")
