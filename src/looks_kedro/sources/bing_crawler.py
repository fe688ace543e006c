"""icrawler's machinery with a feeder, a parser and a downloader of our own.

The feeder gives out the searches, the parser turns pages of hits, the downloader threads get the pictures meanwhile.
Our parts keep all that Bing says of a hit, ask through our own web client, resume by URL, and let errors out of their
threads; icrawler's own do none of it. Imports icrawler, so it is imported only when Bing is searched.
"""

from __future__ import annotations

import html
import itertools
import json
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from icrawler import Crawler, Downloader, Feeder, Parser

from looks_kedro.progress import track
from looks_kedro.sources.downloads import Downloads, Hit
from looks_kedro.sources.fetch_error import FetchError

if TYPE_CHECKING:
    from looks_kedro.sources.bing import BingSearch
    from looks_kedro.sources.web import WebClient

logger = logging.getLogger(__name__)

_THREADS = 8
_PATIENCE = 0.1  # seconds between two looks at whether the others have ended


@dataclass(frozen=True)
class Search:
    """One person to search for."""

    identity: str
    query: str


class BingCrawler(Crawler):  # type: ignore[misc]
    """Searches for people one after the other, and gets their pictures at the same time."""

    def __init__(
        self, settings: BingSearch, client: WebClient, downloads: Downloads, max_pixels: int, *, refresh: bool
    ) -> None:
        self._client, self._downloads, self._settings = client, downloads, settings
        self._hits: list[Hit] = []
        self._failures: list[BaseException] = []
        shared = {"failures": self._failures}
        super().__init__(
            _Searches, _Pages, _Pictures,
            downloader_threads=_THREADS,
            extra_feeder_args=shared,
            extra_parser_args=shared | {"settings": settings, "downloads": downloads, "hits": self._hits,
                                        "refresh": refresh},
            extra_downloader_args=shared | {"max_pixels": max_pixels},
        )  # fmt: skip

    def set_logger(self, log_level: int = logging.WARNING) -> None:
        """Leave the program's logging as it is; icrawler would set up the root logger."""
        self.logger = logging.getLogger("icrawler")
        self.logger.setLevel(max(log_level, logging.WARNING))

    def set_session(self, _headers: dict[str, str] | None = None) -> None:
        """What asks the web: polite, limited and with a name of its own."""
        self.session = self._client

    def set_storage(self, _storage: object) -> None:
        """What keeps the pictures."""
        self.storage = self._downloads

    def hits(self, searches: list[Search]) -> list[Hit]:
        """Search for everybody; when it returns, each hit's picture was brought.

        Returns:
            The hits, people in the order given, each person's by rank.

        Raises:
            FetchError: a page of hits could not be got.
        """
        expected = len(searches) * self._settings.images_per_person
        bar = iter(track(itertools.count(), "Bing", expected))
        next(bar)
        self.signal.reset()
        try:
            self.feeder.start(searches=searches)
            self.parser.start()
            self.downloader.start(step=lambda: next(bar))
            self._wait_for(self.feeder)
            self.signal.set(feeder_exited=True)
            self._wait_for(self.parser)
            self.signal.set(parser_exited=True)
            self._wait_for(self.downloader)
        finally:
            self.signal.set(reach_max_num=True)  # ends the threads when Ctrl-C was pressed
        if self._failures:
            raise self._failures[0]
        return self._hits

    def _wait_for(self, part: Any) -> None:
        """Wait for a part's threads; crawl() of icrawler would look once a second."""
        for worker in part.workers:
            while worker.is_alive() and not self._failures:
                worker.join(_PATIENCE)


class _LetsErrorsOut:
    """A part of the crawler whose first error ends all parts and is raised to the caller."""

    signal: Any
    _failures: list[BaseException]

    def worker_exec(self, **kwargs: Any) -> None:
        """What icrawler starts in each thread."""
        try:
            self.work(**kwargs)
        except BaseException as error:  # raised again by BingCrawler.hits
            self._failures.append(error)
            self.signal.set(reach_max_num=True)

    def work(self, **kwargs: Any) -> None:
        raise NotImplementedError

    def _tasks(self, source: queue.Queue[Any], end: str) -> Iterator[Any]:
        """What the part before puts into the queue, until that part has ended and the queue is empty."""
        while not self.signal.get("reach_max_num"):
            # Asked before the queue is looked at: what is put in before the end is not missed.
            ended = self.signal.get(end)
            try:
                yield source.get(timeout=_PATIENCE)
            except queue.Empty:
                if ended:
                    return

    def _put(self, target: queue.Queue[Any], task: object) -> None:
        while not self.signal.get("reach_max_num"):
            try:
                # Not target.put: icrawler's queue notes a task that it had no room for as one that it has seen.
                queue.Queue.put(target, task, timeout=_PATIENCE)
            except queue.Full:
                continue
            return


class _Searches(_LetsErrorsOut, Feeder):  # type: ignore[misc]
    """Gives out one search after the other."""

    def __init__(self, *args: Any, failures: list[BaseException]) -> None:
        super().__init__(*args)
        self._failures = failures

    def work(self, *, searches: list[Search]) -> None:  # type: ignore[override]
        for search in searches:
            self._put(self.out_queue, search)


class _Pages(_LetsErrorsOut, Parser):  # type: ignore[misc]
    """Goes through the pages of each search and passes each picture on once."""

    def __init__(
        self,
        *args: Any,
        failures: list[BaseException],
        settings: BingSearch,
        downloads: Downloads,
        hits: list[Hit],
        refresh: bool,
    ) -> None:
        super().__init__(*args)
        self._failures, self._settings, self._downloads = failures, settings, downloads
        self._hits, self._refresh = hits, refresh
        self._passed_on: set[str] = set()

    def work(self) -> None:  # type: ignore[override]
        for search in self._tasks(self.in_queue, "feeder_exited"):
            for hit in self._proposed(search):
                self._hits.append(hit)
                if hit.url not in self._passed_on:
                    self._passed_on.add(hit.url)
                    self._put(self.out_queue, hit.url)

    def _proposed(self, search: Search) -> Iterator[Hit]:
        """Hits of a search, until a page brings nothing new or there are enough."""
        known: set[str] = set()
        first = 1
        while True:
            page = self._page(search.query, first)
            before = len(known)
            for hit in page:
                if hit.url in known:
                    continue
                known.add(hit.url)
                yield replace(hit, identity=search.identity, rank=len(known))
                if len(known) == self._settings.images_per_person:
                    return
            if len(known) == before:
                return
            # Bing gives more or fewer than it was asked for.
            first += len(page)

    def _page(self, query: str, first: int) -> list[Hit]:
        """The hits of a page, from the downloads where it was turned before."""
        url = self._settings.page_url(query, first)
        key = f"bing {url}"
        kept = None if self._refresh else self._downloads.found(key)
        if kept is not None:
            return kept
        licence = f"{self._settings.licence} (by Bing's filter)" if self._settings.licence else ""
        hits = parse_page(self._content(url), query, licence)
        # A first page without a hit may be a bad moment of Bing's; it is turned again in the next run.
        if hits or first > 1:
            self._downloads.keep_found(key, hits)
        return hits

    def _content(self, url: str) -> bytes:
        try:
            return bytes(self.session.get(url, expect="page").content)
        except FetchError as error:
            # Behind the last page of hits Bing may answer with nothing at all.
            if error.reason == "empty":
                return b""
            raise


class _Pictures(_LetsErrorsOut, Downloader):  # type: ignore[misc]
    """Brings the pictures into the downloads."""

    def __init__(self, *args: Any, failures: list[BaseException], max_pixels: int) -> None:
        super().__init__(*args)
        self._failures, self._max_pixels = failures, max_pixels
        self._counting = threading.Lock()

    def work(self, *, step: Callable[[], object]) -> None:  # type: ignore[override]
        for url in self._tasks(self.in_queue, "parser_exited"):
            self.storage.bring(url, self.session, self._max_pixels)
            with self._counting:
                step()


def parse_page(content: bytes, query: str, licence: str = "") -> list[Hit]:
    """The hits on one of Bing's pages, in their order; ``identity`` is left empty.

    Each hit is an element ``a.iusc`` whose attribute ``m`` holds JSON with the picture's URL (``murl``), its page
    (``purl``) and title (``t``).

    Args:
        content: the page, HTML in UTF-8.
        query: words that were searched for.
        licence: what the search was limited to.
    """
    soup = BeautifulSoup(content.decode("utf-8", "replace"), "lxml")
    elements = soup.select("a.iusc[m]") or soup.select('[m*="murl"]')
    hits: list[Hit] = []
    for element in elements:
        said = _json(str(element["m"]))
        url = said.get("murl")
        if not isinstance(url, str) or not _is_encodable(url) or not url.strip():
            logger.warning("Bing: passed over a hit for %r that gives no address: %.200s", query, element["m"])
            continue
        page, title = (_plain(said.get(name)) for name in ("purl", "t"))
        hits.append(Hit(url.strip(), "", query, len(hits) + 1, page=page, title=title, licence=licence))
    return hits


def _json(text: str) -> dict[str, Any]:
    """An object of JSON, escaped for HTML once too often or not; {} where it is none."""
    for form in (text, html.unescape(text)):
        try:
            value = json.loads(form)
        except ValueError:
            continue
        return value if isinstance(value, dict) else {}
    return {}


def _plain(value: object) -> str:
    """A text on one line, without control characters and the marks that Bing puts around what it found."""
    text = re.sub("[\ue000\ue001]", "", html.unescape(value)) if isinstance(value, str) else ""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
