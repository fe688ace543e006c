"""Portraits by name from Bing's image search."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlencode

import pandas as pd
from pydantic import BaseModel, Field, StringConstraints

from looks_kedro.errors import BadInputError
from looks_kedro.sources.downloads import Downloads, Hit
from looks_kedro.sources.listing import Listing

if TYPE_CHECKING:
    from looks_kedro.sources.bing_crawler import Search
    from looks_kedro.sources.web import WebClient

logger = logging.getLogger(__name__)

Size = Annotated[str, StringConstraints(pattern=r"^(small|medium|large|extralarge|>\d+x\d+)$")]
Licence = Literal[
    "creativecommons", "publicdomain", "noncommercial", "commercial", "noncommercial,modify", "commercial,modify"
]


class BingSearch(BaseModel, extra="forbid", frozen=True):
    """What is asked of Bing."""

    base_url: str = Field(
        "https://www.bing.com/images/async", pattern="^https?://", description="where pages of hits are asked for"
    )
    images_per_person: int = Field(
        100, ge=1, le=1000, description="pictures proposed a person; Bing repeats after 1000"
    )
    words: str = Field("", description="added to each name, such as 'portrait'")
    face: Literal["face", "portrait"] | None = Field("face", description="just a face, head and shoulders, or any")
    kind: Literal["photo", "clipart", "linedrawing", "transparent", "animated"] | None = Field(
        "photo", description="kind of picture, or any"
    )
    size: Size | None = Field(None, description="small, medium, large, extralarge, at least as in >400x300, or any")
    licence: Licence | None = Field(None, description="what Bing takes the licence to be, or any")
    market: str = Field("en-US", pattern="^([a-z]{2}-[A-Z]{2})?$", description="language and country, or empty")
    safe_search: Literal["off", "moderate", "strict"] = Field("moderate", description="Bing's filter of adult content")
    page_size: int = Field(35, ge=1, le=150, description="hits asked for at a time; Bing gives about as many")

    def query(self, name: str) -> str:
        """The words that are searched for."""
        return " ".join(f"{name} {self.words}".split())

    def page_url(self, query: str, first: int) -> str:
        """Address of a page of hits.

        Args:
            query: words in any script.
            first: place of the page's first hit, from 1.
        """
        from icrawler.builtin.bing import BingFeeder

        chosen = {"type": self.kind, "size": self.size, "license": self.licence, "people": self.face}
        rules = BingFeeder.get_filter(None)
        filters = rules.apply({name: value for name, value in chosen.items() if value})
        words = {"q": query, "async": "1", "first": first, "count": self.page_size, "adlt": self.safe_search}
        # The rules are written for a URL, where a plus stands for a space.
        words |= {"qft": filters.replace("+", " ")} if filters else {}
        words |= {"mkt": self.market} if self.market else {}
        return f"{self.base_url}?{urlencode(words)}"


def search_bing(
    people: pd.DataFrame,
    looks: int,
    settings: BingSearch,
    client: WebClient,
    downloads: Downloads,
    max_pixels: int,
    refresh: bool = False,
) -> Listing:
    """Search for each person by name and get the pictures.

    Pages of hits and pictures that are in ``downloads`` are not asked for again, so a run that was killed goes on
    where it was, and a larger ``images_per_person`` asks only for what is new.

    Args:
        people: table ``people``.
        looks: class of the pictures: 1 celebrities, 0 ordinary.
        settings: what is asked for.
        client: asks the web.
        downloads: keeps what was got.
        max_pixels: larger pictures are left out.
        refresh: search again although the hits of an earlier search are kept; pictures are kept in any case.

    Returns:
        The pictures, people in the order of the table, each person's in the order of the hits; and the log.

    Raises:
        BadInputError: there is nobody to search for, a page of hits could not be got (running again goes on where it
            stopped), or not one picture could.
    """
    if people.empty:
        raise BadInputError(
            "The table of people has no row, so there is nobody to search Bing for. Fill people.csv with columns "
            "identity and name, or choose another source."
        )
    from looks_kedro.sources.bing_crawler import BingCrawler, Search
    from looks_kedro.sources.fetch_error import FetchError

    searches = [
        Search(str(identity), settings.query(str(name)))
        for identity, name in zip(people["identity"], people["name"], strict=True)
    ]
    _warn_of_namesakes(searches)
    with downloads.held():
        crawler = BingCrawler(settings, client, downloads, max_pixels, refresh=refresh)
        try:
            hits = crawler.hits(searches)
        except FetchError as error:
            raise BadInputError(
                f"Bing's page of hits could not be got: {error} ({error.reason}). Run again, and it goes on where it "
                f"stopped; if it stays so, look at the network, or take another source (commons, folder)."
            ) from error
        listing = downloads.listing(hits, source="bing", looks=looks, max_pixels=max_pixels)
    _check(listing, hits, searches, settings)
    return listing


def _warn_of_namesakes(searches: list[Search]) -> None:
    """Tell when two people cannot be told apart by what is searched for."""
    owners: dict[str, list[str]] = {}
    for search in searches:
        owners.setdefault(search.query.casefold(), []).append(search.identity)
    for query, identities in owners.items():
        if len(identities) > 1:
            logger.warning(
                "%s have the same search name %r and get the same pictures; make their names in people.csv differ, "
                "for example by a profession.", " and ".join(identities), query,
            )  # fmt: skip


def _check(listing: Listing, hits: list[Hit], searches: list[Search], settings: BingSearch) -> None:
    """Refuse a result without a picture, warn of people without one."""
    log = listing.log
    if not hits:
        raise BadInputError(
            f"Bing proposed not one picture for any of {len(searches)} people (asked {settings.base_url}, first for "
            f"{searches[0].query!r}). Open {settings.page_url(searches[0].query, 1)} in a browser: if it shows "
            f"pictures, Bing has changed its pages or holds back this network, and another source (commons, folder) "
            f"is the way out; if it shows none, loosen face, kind, size and licence, or correct the names in "
            f"people.csv."
        )
    if not log["kept"].any():
        counts = log["reason"].value_counts()
        told = ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items(), key=lambda x: (-x[1], x[0])))
        raise BadInputError(
            f"Bing proposed {len(log)} pictures for {len(searches)} people and not one could be got: {told}. Look at "
            f"whether this computer's network (proxy, firewall) lets pictures through, then run again; what failed "
            f"for a moment only is tried anew."
        )
    kept = set(log.loc[log["kept"], "identity"])
    proposed = {hit.identity for hit in hits}
    for search in searches:
        if search.identity not in proposed:
            logger.warning(
                "Bing proposed no picture of %s (searched for %r); correct the name in people.csv, or loosen the "
                "filters.", search.identity, search.query,
            )  # fmt: skip
        elif search.identity not in kept:
            reasons = sorted(set(log.loc[log["identity"] == search.identity, "reason"]))
            logger.warning(
                "Not one of the pictures that Bing proposed of %s could be got (%s).", search.identity,
                ", ".join(reasons),
            )  # fmt: skip
    logger.info("Bing: %d of %d pictures kept, of %d people.", int(log["kept"].sum()), len(log), len(kept))
