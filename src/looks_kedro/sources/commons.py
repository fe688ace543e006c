"""Licensed photos: people found on Wikidata, their photos on Wikimedia Commons, with licence and author."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import BaseModel, Field

from looks_kedro.errors import BadInputError, BadParameterError, LooksError
from looks_kedro.progress import track
from looks_kedro.sources.category import FIELDS, file_info, file_pages
from looks_kedro.sources.file_page import described, photo_date, plain_text
from looks_kedro.sources.listing import Listing, table
from looks_kedro.sources.mediawiki import MediaWiki
from looks_kedro.sources.wikidata import Nobody, find_person

if TYPE_CHECKING:
    from looks_kedro.sources.downloads import Downloads, Hit
    from looks_kedro.sources.web import WebClient

logger = logging.getLogger(__name__)

SOURCE = "commons"
_ASKED = ("identity", "name", "birth_date")


class CommonsSearch(BaseModel, extra="forbid", frozen=True):
    """How photos are searched on Wikimedia Commons: parameters ``acquisition.commons``.

    Attributes:
        images_per_person: photos that are fetched for each person, at most.
        files_per_person: files of a person's categories that are looked at, at most. Of those with an allowed licence
            ``images_per_person`` are drawn, always the same ones, so that no single event of many photos fills them.
        subcategories: 1 looks into the subcategories too (such as those by year), 0 into the category alone.
        width: of the scaled copies that are fetched, in pixels; null fetches the originals. Wikimedia keeps copies of
            250, 330, 500, 960, 1280, 1920 and 3840 pixels; smaller pictures come as they are.
        types: media types of the originals; others (drawings in SVG, PDF, video) are passed over.
        licences: beginnings of the short names of allowed licences, such as ``CC BY`` (then also ``CC BY-SA 4.0``),
            ``CC0``, ``Public domain``; null allows all that Commons has.
        language: of the names in people.csv, as Wikidata's code.
        candidates: search results that are looked at for each name.
        maxlag: seconds that the site's copies may be behind before it refuses; it asks programs to send this.
        wikidata_url: ``api.php`` of Wikidata.
        commons_url: ``api.php`` of Wikimedia Commons.
    """

    images_per_person: int = Field(50, ge=1)
    files_per_person: int = Field(500, ge=1)
    subcategories: int = Field(1, ge=0, le=1)
    width: int | None = Field(1280, ge=100)
    types: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp")
    licences: tuple[str, ...] | None = None
    language: str = Field("en", pattern="^[a-z]{2,3}(-[a-z]+)*$")
    candidates: int = Field(7, ge=1, le=50)
    maxlag: int = Field(5, ge=1)
    wikidata_url: str = "https://www.wikidata.org/w/api.php"
    commons_url: str = "https://commons.wikimedia.org/w/api.php"


def search_commons(
    people: pd.DataFrame,
    looks: int,
    settings: CommonsSearch,
    client: WebClient,
    downloads: Downloads,
    max_pixels: int,
    refresh: bool = False,
) -> Listing:
    """Photos of people with licence, author and page.

    Each name is searched on Wikidata (a human whose date of birth agrees, see ``find_person``); the item's own picture
    comes first, then the files of the person's category on Commons. Finished searches are kept, so that a second run
    asks nothing; licences and the number of images may change without a new search.

    Args:
        people: table ``people``.
        looks: class of the images: 1 celebrities, 0 ordinary.
        settings: what is searched and taken.
        client: its ``contact`` must be set: Wikimedia asks for a way to reach whoever runs a program.
        downloads: searches and files of this and earlier runs.
        max_pixels: larger images are rejected.
        refresh: search again, also where an earlier search is kept.

    Returns:
        The photos; the log has also a row for each one set aside (``no_licence``, ``licence_not_allowed``) and for
        each person without photos (``no_such_person``, ``no_human``, ``birth_date_differs``, ``no_files``).

    Raises:
        BadParameterError: there is no contact.
        BadInputError: nobody is in ``people``, a site cannot be asked, or there is no photo of anybody.
    """
    _check(people, client)
    hits: list[Hit] = []
    rows: list[dict[str, Any]] = []
    for _, person in track(people.iterrows(), "Searching Wikimedia Commons", len(people)):
        found = _found(person, settings, client, downloads, refresh)
        chosen, aside = _sorted_out(found, settings)
        hits += chosen
        rows += [_row(hit, reason, looks) for hit, reason in aside]
    told = _counted(row["reason"] for row in rows)
    if not hits:
        raise BadInputError(
            f"Wikimedia Commons has no photo of any of the {len(people)} people ({told}). Correct the names or dates "
            f"of birth in people.csv, or allow more licences (acquisition.commons.licences)."
        )
    logger.info("Wikimedia Commons: %d photos of %d people%s.", len(hits), len({hit.identity for hit in hits}),
                f"; set aside: {told}" if told else "")  # fmt: skip
    listing = downloads.fetch(
        hits, client, source=SOURCE, looks=looks, max_pixels=max_pixels, description="Fetching from Wikimedia Commons"
    )
    if not listing.log["kept"].any():
        told = _counted(listing.log["reason"])
        raise BadInputError(
            f"None of the {len(hits)} photos could be fetched ({told}). "
            f"Run the same command again later; what failed for the moment is asked for again."
        )
    return replace(listing, log=pd.concat([listing.log, table("acquisition_log", rows)], ignore_index=True))


def _counted(reasons: Iterable[object]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(map(str, reasons)).items()))


def _check(people: pd.DataFrame, client: WebClient) -> None:
    if not client.settings.contact.strip():
        raise BadParameterError(
            "acquisition.web.contact is empty; Wikimedia refuses programs that do not say how their user can be "
            "reached. Set it to your e-mail address or web page, best in conf/local/parameters_acquisition.yml."
        )
    if people.empty:
        raise BadInputError("people.csv has no rows; expected the people to be searched. See docs/people.md.")


def _found(
    person: pd.Series[Any], settings: CommonsSearch, client: WebClient, downloads: Downloads, refresh: bool
) -> list[Hit]:
    """All files of a person, of this search or an earlier one; a single one without URL says why there is none."""
    # What only chooses among the files found is no part of the key.
    asked = settings.model_dump(mode="json", exclude={"images_per_person", "licences", "maxlag"})
    key = json.dumps(
        {"source": SOURCE, **{column: str(person[column]) for column in _ASKED}, **asked},
        sort_keys=True,
    )
    known = None if refresh else downloads.found(key)
    if known is not None:
        return known
    try:
        hits = _search(person, settings, client)
    except LooksError as error:
        raise BadInputError(
            f"The search for {person['name']!r} failed: {str(error).rstrip('.')}. What was found so far is kept: run "
            f"the same command again later, and it goes on here."
        ) from error
    downloads.keep_found(key, hits)
    return hits


def _search(person: pd.Series[Any], settings: CommonsSearch, client: WebClient) -> list[Hit]:
    from looks_kedro.sources.downloads import Hit

    name, identity = str(person["name"]), str(person["identity"])
    wikidata = MediaWiki(settings.wikidata_url, client, settings.maxlag)
    commons = MediaWiki(settings.commons_url, client, settings.maxlag)
    birth_date = str(person["birth_date"])
    one = find_person(wikidata, name, birth_date, language=settings.language, candidates=settings.candidates)
    if isinstance(one, Nobody):
        return [Hit("", identity, name, 1, page=one.page, title=one.reason)]
    pages = file_pages(
        commons, one.picture, one.category, settings.types, width=settings.width, subcategories=settings.subcategories
    )
    hits = [_hit(page, identity, name, rank) for rank, page in enumerate(islice(pages, settings.files_per_person), 1)]
    if not hits:
        logger.warning("%s: Wikimedia Commons has no photos (%s).", name, one.page)
        return [Hit("", identity, name, 1, page=one.page, title="no_files")]
    return hits


# --- a file ----------------------------------------------------------------------------------------------------------


def _hit(page: dict[str, Any], identity: str, name: str, rank: int) -> Hit:
    from looks_kedro.sources.downloads import Hit

    info = file_info(page)
    metadata = info.get("extmetadata")
    told = {field: plain_text(described(metadata, field)) for field in FIELDS}
    file_name = re.sub(r"\.\w{3,4}$", "", str(page.get("title", "")).removeprefix("File:"))
    address = told["LicenseUrl"]
    return Hit(
        url=str(info.get("thumburl") or info["url"]),
        identity=identity,
        query=name,
        rank=rank,
        page=str(info.get("descriptionurl", "")),
        title=told["ObjectName"] or file_name,
        licence=told["LicenseShortName"],
        licence_url=f"https:{address}" if address.startswith("//") else address,
        # Some pages prescribe the words of the attribution; they go before the author.
        author=told["Attribution"] or told["Artist"],
        photo_date=photo_date(described(metadata, "DateTimeOriginal")),
    )


# --- what is taken ---------------------------------------------------------------------------------------------------


def _sorted_out(found: Iterable[Hit], settings: CommonsSearch) -> tuple[list[Hit], list[tuple[Hit, str]]]:
    """Files to fetch, by rank, and those set aside with the reason."""
    usable: list[Hit] = []
    aside: list[tuple[Hit, str]] = []
    for hit in found:
        reason = _objection(hit, settings.licences)
        if reason:
            aside.append((hit, reason))
        else:
            usable.append(hit)
    # Photos of one event stand together in a category. The order by hash mixes them, and a larger number of images
    # contains the smaller one.
    drawn = sorted(usable, key=lambda hit: (hit.rank != 1, sha256(hit.page.encode()).hexdigest()))
    return sorted(drawn[: settings.images_per_person], key=lambda hit: hit.rank), aside


def _objection(hit: Hit, licences: Sequence[str] | None) -> str:
    if not hit.url:
        return hit.title
    if not hit.licence:
        return "no_licence"
    if licences is not None and not _plain(hit.licence).startswith(tuple(_plain(start) for start in licences)):
        return "licence_not_allowed"
    return ""


def _plain(licence: str) -> str:
    return re.sub(r"[\s_-]+", " ", licence).strip().lower()


def _row(hit: Hit, reason: str, looks: int) -> dict[str, Any]:
    """A row of the log for a file or person that was set aside."""
    row = {"looks": looks, "source": SOURCE, "page": hit.page, "query": hit.query, "identity": hit.identity,
           "kept": False, "reason": reason}  # fmt: skip
    if hit.url:
        row |= {"origin": hit.url, "title": hit.title, "rank": float(hit.rank), "licence": hit.licence}
    return row
