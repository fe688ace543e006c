"""Who is meant by a name: a person's item on Wikidata, and where Commons keeps the photos."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from looks_kedro.sources.mediawiki import MediaWiki

logger = logging.getLogger(__name__)

_INSTANCE_OF, _IMAGE, _CATEGORY, _BIRTH = "P31", "P18", "P373", "P569"
_HUMAN = "Q5"
# Wikidata's precision of a time -> how much of yyyy-mm-dd is known; decades and centuries say nothing here.
_KNOWN = {9: 4, 10: 7, 11: 10, 12: 10, 13: 10, 14: 10}


@dataclass(frozen=True)
class Person:
    """An item that is a human.

    Attributes:
        item: such as ``Q42``.
        label: name there, in the language of the search.
        births: dates of birth, ``yyyy``, ``yyyy-mm`` or ``yyyy-mm-dd``.
        picture: file name of the chosen picture on Commons, or "".
        category: name of the category on Commons, without ``Category:``, or "".
    """

    item: str
    label: str
    births: tuple[str, ...]
    picture: str
    category: str

    @property
    def page(self) -> str:
        """Address of the item."""
        return f"https://www.wikidata.org/wiki/{self.item}"


@dataclass(frozen=True)
class Nobody:
    """Why no person was taken.

    Attributes:
        reason: one word for the log.
        page: of the item that comes nearest, or "".
    """

    reason: str
    page: str = ""


def find_person(
    wikidata: MediaWiki, name: str, birth_date: str = "", *, language: str = "en", candidates: int = 7
) -> Person | Nobody:
    """The human of that name, told from others of the same name by the date of birth.

    The first human in the search's order whose date of birth agrees is taken, else the first one whose date Wikidata
    does not know; without a date, the first human.

    Args:
        wikidata: the site.
        name: as searched.
        birth_date: ``yyyy``, ``yyyy-mm``, ``yyyy-mm-dd``, or "" where unknown.
        language: code of the language of the name, such as ``en`` or ``ja``.
        candidates: results of the search that are looked at, at most 50.
    """
    search = {"action": "wbsearchentities", "search": name, "language": language, "uselang": language}
    found = wikidata.ask({**search, "type": "item", "limit": str(candidates)}).get("search") or []
    items = [str(entry["id"]) for entry in found if isinstance(entry, dict) and entry.get("id")]
    if not items:
        logger.warning("%s: Wikidata knows nobody of this name.", name)
        return Nobody("no_such_person")
    wanted = {"action": "wbgetentities", "ids": "|".join(items), "props": "claims|labels|sitelinks"}
    wanted |= {"languages": language, "languagefallback": "1", "sitefilter": "commonswiki"}
    entities = wikidata.ask(wanted).get("entities") or {}
    people = [person for item in items for person in _humans(item, _entity(entities, item), language)]
    if not people:
        logger.warning("%s: none of the %d results on Wikidata is a human.", name, len(items))
        return Nobody("no_human")
    return _chosen(name, birth_date, people)


def same_date(one: str, other: str) -> bool:
    """Whether two dates agree in what both of them tell."""
    known = min(len(one), len(other))
    return one[:known] == other[:known]


def _chosen(name: str, birth_date: str, people: list[Person]) -> Person | Nobody:
    first = people[0]
    if not birth_date:
        if len(people) > 1:
            logger.warning(
                "%s: %d humans on Wikidata; took the first, %s (born %s). A birth_date in people.csv decides.",
                name, len(people), first.page, " or ".join(first.births) or "on an unknown day",
            )  # fmt: skip
        return first
    for person in people:
        if any(same_date(birth_date, birth) for birth in person.births):
            return person
    unknown = [person for person in people if not person.births]
    if unknown:
        logger.warning("%s: Wikidata gives no date of birth; took %s.", name, unknown[0].page)
        return unknown[0]
    logger.warning(
        "%s: left out, because people.csv has birth_date %s and Wikidata %s (%s). Correct the date, or the name.",
        name, birth_date, " or ".join(first.births), first.page,
    )  # fmt: skip
    return Nobody("birth_date_differs", first.page)


def _entity(entities: Mapping[str, Any], item: str) -> Mapping[str, Any]:
    """The entity that was asked for, also where its item was merged into another."""
    for key, entity in entities.items():
        came_from = (entity.get("redirects") or {}).get("from")
        if item in (key, entity.get("id"), came_from) and "missing" not in entity:
            return dict(entity)
    return {}


def _humans(item: str, entity: Mapping[str, Any], language: str) -> Iterator[Person]:
    """The entity as a person, if it is one."""
    claims = entity.get("claims") or {}
    kinds = [value.get("id") for value in _values(claims, _INSTANCE_OF) if isinstance(value, dict)]
    if _HUMAN not in kinds:
        return
    category = next((str(value) for value in _values(claims, _CATEGORY)), "") or _linked(entity)
    picture = next((str(value) for value in _values(claims, _IMAGE)), "")
    label = str(((entity.get("labels") or {}).get(language) or {}).get("value", ""))
    births = tuple(date for value in _values(claims, _BIRTH) if (date := _date(value)))
    yield Person(str(entity.get("id", item)), label, births, picture, category)


def _values(claims: Mapping[str, Any], name: str) -> list[Any]:
    """Known values of a property, the preferred ones first, without those that were withdrawn."""
    statements = [claim for claim in claims.get(name) or [] if claim.get("rank") != "deprecated"]
    statements.sort(key=lambda claim: claim.get("rank") != "preferred")
    snaks = [claim.get("mainsnak") or {} for claim in statements]
    known = [snak.get("datavalue") for snak in snaks if snak.get("snaktype") == "value"]
    return [data["value"] for data in known if isinstance(data, dict) and "value" in data]


def _linked(entity: Mapping[str, Any]) -> str:
    """Category on Commons by the item's link to it, where no property names one."""
    title = str(((entity.get("sitelinks") or {}).get("commonswiki") or {}).get("title", ""))
    return title.removeprefix("Category:") if title.startswith("Category:") else ""


def _date(value: Any) -> str:
    """A Wikidata time, such as +1980-05-00T00:00:00Z of precision 10, as 1980-05."""
    if not isinstance(value, dict):
        return ""
    match = re.match(r"\+(\d{4}-\d\d-\d\d)T", str(value.get("time", "")))
    return match[1][: _KNOWN.get(value.get("precision", 0), 0)] if match else ""
