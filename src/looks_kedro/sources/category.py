"""Which files Wikimedia Commons has of a person: the item's own picture, the category and what is below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from looks_kedro.sources.mediawiki import MediaWiki

FIELDS = ("LicenseShortName", "LicenseUrl", "Artist", "Attribution", "DateTimeOriginal", "ObjectName")
"""Fields of ``extmetadata`` that are asked for."""

_MOVED = re.compile(
    r"\{\{\s*(?:category[ _]?redirect|cat[ _-]?redirect|catredir|redirect[ _]category|see[ _]?cat)\s*\|"
    r"(?:\s*1\s*=)?\s*:?(?:\s*category\s*:)?\s*([^|}]+)",
    re.IGNORECASE,
)


def file_pages(
    commons: MediaWiki,
    picture: str,
    category: str,
    types: Sequence[str],
    *,
    width: int | None = None,
    subcategories: int = 0,
) -> Iterator[dict[str, Any]]:
    """Pages of the files of a person, each once; asks only for as many as are taken.

    Args:
        commons: the site.
        picture: name of the file that comes first, or "".
        category: without ``Category:``, or ""; where it was moved, its new name is taken.
        types: wanted media types; others are passed over.
        width: of the scaled copies whose addresses are wanted too.
        subcategories: 1 goes on with the categories inside the category, 0 does not.
    """
    wanted = {"prop": "imageinfo", "redirects": "1", "iiprop": "url|mime|size|extmetadata"}
    wanted |= {"iiextmetadatafilter": "|".join(FIELDS), "iiextmetadatalanguage": "en"}
    if width is not None:
        wanted["iiurlwidth"] = str(width)
    seen: set[str] = set()
    for asked in _questions(commons, picture, category, subcategories):
        for batch in commons.batches(wanted | asked):
            for page in batch:
                title = str(page.get("title", ""))
                info = file_info(page)
                if title not in seen and info.get("url") and info.get("mime") in types:
                    yield page
                seen.add(title)


def file_info(page: dict[str, Any]) -> dict[str, Any]:
    """What a page tells of its file; empty where the file is gone."""
    return dict((page.get("imageinfo") or [{}])[0])


def _questions(commons: MediaWiki, picture: str, category: str, subcategories: int) -> Iterator[dict[str, str]]:
    """What to ask for, one after the other: the files before may be enough."""
    if picture:
        yield {"titles": f"File:{picture}"}
    for title in _categories(commons, category, subcategories):
        yield {"generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": "50"}


def _categories(commons: MediaWiki, category: str, subcategories: int) -> Iterator[str]:
    """Titles of the category and of what is below it."""
    title = _true_title(commons, f"Category:{category}") if category else ""
    if not title:
        return
    yield title
    if subcategories:
        below = {"list": "categorymembers", "cmtitle": title, "cmtype": "subcat", "cmlimit": "500"}
        for part in commons.query(below):
            yield from (str(member["title"]) for member in part.get("categorymembers") or [])


def _true_title(commons: MediaWiki, title: str) -> str:
    """Where a category is now, after redirects of the wiki and by Commons' template; "" for an impossible title.

    The API follows the former for pages but not for a category's members, and the latter nowhere.
    """
    for _ in range(3):
        asked = {"titles": title, "redirects": "1", "prop": "revisions", "rvprop": "content", "rvslots": "main"}
        part = next(commons.query(asked))
        pages = part.get("pages") or []
        if any(page.get("invalid") for page in pages):
            return ""
        for move in [*(part.get("normalized") or []), *(part.get("redirects") or [])]:
            title = str(move["to"]) if move.get("from") == title else title
        moved = _MOVED.search("".join(_wikitext(page) for page in pages))
        if moved is None:
            break
        title = f"Category:{moved[1].strip()}"
    return title


def _wikitext(page: dict[str, Any]) -> str:
    revisions = page.get("revisions") or [{}]
    return str(((revisions[0].get("slots") or {}).get("main") or {}).get("content", ""))
