"""Questions to a MediaWiki site (Wikidata, Wikimedia Commons) through its action API."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from looks_kedro.errors import LooksError

if TYPE_CHECKING:
    from looks_kedro.sources.web import Answer, WebClient

logger = logging.getLogger(__name__)

_SHARED = {"format": "json", "formatversion": "2", "errorformat": "bc"}
_BUSY = ("maxlag", "ratelimited", "readonly", "cirrussearch-too-busy-error")
_MOST_BATCHES = 1000
# An item of Wikidata with all its claims may take a megabyte; the limit for images says nothing about these.
_LARGEST = 100_000_000


class ApiError(LooksError):
    """A MediaWiki site answered with an error, or with something that is not its API's.

    Attributes:
        code: the API's own word, such as ``maxlag`` or ``invalidcategory``; ``not_an_api`` where it is not the API.
        transient: whether the same question may be answered later.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
        self.transient = code in _BUSY or code.startswith("internal_api_error")


class MediaWiki:
    """One site.

    Args:
        url: of its ``api.php``.
        client: asks; it waits between requests and repeats those that fail on the way.
        maxlag: the site refuses while its database copies are more than so many seconds behind, as it asks of
            programs that nobody waits for.
    """

    def __init__(self, url: str, client: WebClient, maxlag: int = 5) -> None:
        self.url = url
        self._client = client
        self._maxlag = str(maxlag)

    def ask(self, params: Mapping[str, str]) -> dict[str, Any]:
        """One question; errors that pass are waited for, as often as the client repeats.

        Args:
            params: of the API, without format and lag.

        Raises:
            ApiError: the site says what is wrong, or is still busy after the last attempt.
            FetchError: no answer.
        """
        settings = self._client.settings
        asked = {**params, **_SHARED, "maxlag": self._maxlag}
        for attempt in range(settings.retries + 1):
            answer = self._client.get(self.url, params=asked, expect="json", max_bytes=_LARGEST)
            found = self._parsed(answer)
            error = self._error(found)
            if error is None:
                return found
            wait = _wait(answer, min(settings.backoff * 2**attempt, settings.longest_wait))
            if not error.transient or attempt == settings.retries or wait > settings.longest_wait:
                raise error
            logger.info("%s is busy (%s); asking again in %.1f s.", urlsplit(self.url).netloc, error.code, wait)
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def query(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The ``query`` parts of all answers to ``action=query``, following ``continue``; pages as they come."""
        rest: dict[str, str] = {}
        for _ in range(_MOST_BATCHES):
            answer = self.ask({"action": "query", **params, **rest})
            part = answer.get("query")
            yield {**(part if isinstance(part, dict) else {}), "complete": bool(answer.get("batchcomplete"))}
            following = {str(key): str(value) for key, value in (answer.get("continue") or {}).items()}
            if not following:
                return
            if following == rest:
                break
            rest = following
        raise ApiError(f"{self.url}: the answer to {dict(params)} never ends. Run it again later.", "endless")

    def batches(self, params: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """Pages, a list for each complete batch, in the order of their titles within it.

        A batch may come in several answers, each of which fills in properties of some of its pages.
        """
        pages: dict[str, dict[str, Any]] = {}
        for part in self.query(params):
            for page in part.get("pages") or []:
                pages.setdefault(str(page.get("title", "")), {}).update(page)
            if part["complete"]:
                yield [page for _, page in sorted(pages.items())]
                pages = {}
        if pages:
            yield [page for _, page in sorted(pages.items())]

    def _parsed(self, answer: Answer) -> dict[str, Any]:
        try:
            found = json.loads(answer.content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            start = answer.content[:60].decode(errors="replace")
            raise ApiError(
                f"{self.url}: expected the JSON of a MediaWiki API; found {start!r}. Correct the address: it ends in "
                f"/w/api.php.",
                "not_an_api",
            )
        return found

    def _error(self, found: Mapping[str, Any]) -> ApiError | None:
        error = found.get("error")
        if not error:
            return None
        told = error if isinstance(error, dict) else {"info": error}
        code = str(told.get("code", "unknown"))
        info = str(told.get("info", "no explanation"))
        return ApiError(f"{self.url}: the site answered {code!r} ({info}).", code)


def _wait(answer: Answer, otherwise: float) -> float:
    """Seconds that a busy site asks for."""
    named = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "").strip()
    return max(otherwise, float(named)) if named.isdigit() else otherwise
