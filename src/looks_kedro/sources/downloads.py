"""Pictures from the web, each asked for once and never again once the answer is final."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looks_kedro.errors import BadInputError
from looks_kedro.progress import track
from looks_kedro.sources.download_store import DownloadStore, KeptAnswer, KeptPicture
from looks_kedro.sources.host_by_host import each_done
from looks_kedro.sources.listing import Listing, table
from looks_kedro.sources.names import folder_names

if TYPE_CHECKING:
    from looks_kedro.sources.web import WebClient

logger = logging.getLogger(__name__)

_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp",
             "DIB": ".bmp", "TIFF": ".tif", "PPM": ".ppm", "AVIF": ".avif", "JPEG2000": ".jp2", "TGA": ".tga",
             "ICO": ".ico", "PCX": ".pcx"}  # fmt: skip

# Nothing is sent for these, and whether they hold depends on the settings and the name servers of the day.
_DECIDED_WITHOUT_A_REQUEST = ("forbidden_address", "forbidden_scheme")


@dataclass(frozen=True)
class Hit:
    """One picture that a search proposes.

    Attributes:
        url: of the picture.
        identity: the person, as in table ``people``.
        query: what was searched for.
        rank: place among the hits of the search, from 1.
        page: the web page that shows it.
        title: of the picture or of its page.
        licence: its name, "" where unknown.
        licence_url: where the licence can be read.
        author: who made the picture.
        photo_date: when it was taken: yyyy, yyyy-mm or yyyy-mm-dd, "" where unknown.
    """

    url: str
    identity: str
    query: str
    rank: int
    page: str = ""
    title: str = ""
    licence: str = ""
    licence_url: str = ""
    author: str = ""
    photo_date: str = ""


class Downloads:
    """A folder of downloads; several threads and several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        """Downloads in a folder.

        Args:
            root: the folder; made when something is kept. On a local disk: SQLite's locks fail on some network
                drives.
        """
        self.root = Path(root)
        self._store = DownloadStore(self.root)
        self._decoding = threading.Lock()

    def held(self) -> AbstractContextManager[None]:
        """Keep the list open for many calls; not needed, but faster."""
        return self._store.held()

    # --- searches ----------------------------------------------------------------------------------------------------

    def found(self, key: str) -> list[Hit] | None:
        """The hits of a search that was completed, None where it was not.

        Args:
            key: names the search with everything that its result depends on.
        """
        kept = self._store.search(key)
        return None if kept is None else [Hit(**hit) for hit in json.loads(kept)]

    def keep_found(self, key: str, hits: Sequence[Hit]) -> None:
        """Keep the hits of a completed search, instead of those kept before."""
        self._store.keep_search(key, json.dumps([asdict(hit) for hit in hits]))

    # --- pictures ----------------------------------------------------------------------------------------------------

    def fetch(
        self, hits: Sequence[Hit], client: WebClient, *, source: str, looks: int, max_pixels: int, description: str
    ) -> Listing:
        """Get every picture that is not there yet, and list them all.

        Each URL is asked for once, each host one request at a time. What is final (a picture, 404, a web page in
        a picture's place, ...) is never asked for again; transient failures are tried anew in the next call.

        Args:
            hits: what searches propose; a URL may come several times.
            client: asks the web.
            source: name of the source for the log.
            looks: class of the pictures: 1 celebrities, 0 ordinary.
            max_pixels: larger pictures are left out.
            description: words in front of the progress bar.

        Returns:
            The pictures that were kept, persons in the order of ``hits``, each person's by rank, and the log of all.

        Raises:
            BadInputError: the folder of downloads cannot be used.
        """
        with self.held():
            urls = list(dict.fromkeys(hit.url for hit in hits))
            waiting = [url for url in urls if not self._is_done(url, client, max_pixels)]
            if urls:
                logger.info("%s: %d pictures proposed, %d still to be asked for.", source, len(urls), len(waiting))
            brought = each_done(waiting, partial(self.bring, client=client, max_pixels=max_pixels))
            for _ in track(brought, description, len(waiting)):
                pass
            return self.listing(hits, source=source, looks=looks, max_pixels=max_pixels)

    def bring(self, url: str, client: WebClient, max_pixels: int) -> None:
        """Get one picture, unless what is known of it is final, and see what it is."""
        answer = self._store.answer(url)
        if answer is None or not self._is_final(answer, client):
            answer = self._ask(url, client)
        if answer.sha256:
            self._picture(answer.sha256, max_pixels)

    def listing(self, hits: Sequence[Hit], *, source: str, looks: int, max_pixels: int) -> Listing:
        """List the pictures of hits whose URLs have all been brought; nothing is asked for.

        Args:
            hits: as given to ``fetch``.
            source: name of the source for the log.
            looks: class of the pictures.
            max_pixels: the limit that the pictures were brought with.
        """
        items: list[tuple[str, Path, str]] = []
        kept: list[dict[str, Any]] = []
        rejected: list[dict[str, Any]] = []
        labels: list[dict[str, Any]] = []
        attributions: list[dict[str, Any]] = []
        folders = folder_names(hit.identity for hit in hits)
        names: set[str] = set()
        with self.held():
            for hit in _in_order(hits):
                answer = self._store.answer(hit.url)
                if answer is None:
                    raise BadInputError(f"{hit.url} was never asked for; expected it to be brought before the listing.")
                # Another process may have got other bytes since they were brought; then they are looked at here.
                picture = self._picture(answer.sha256, max_pixels) if answer.sha256 else None
                row = _log_row(hit, answer, picture) | {"looks": looks, "source": source}
                if picture is None or picture.reason:
                    rejected.append(row)
                    continue
                row["file"] = file = f"{folders[hit.identity]}/{answer.sha256[:16]}{picture.suffix}"
                if file in names:
                    rejected.append(row | {"reason": "duplicate"})
                    continue
                names.add(file)
                kept.append(row | {"kept": True})
                items.append((file, self._store.file(answer.sha256), hit.url))
                labels.append({"file": file, "looks": looks, "photo_date": hit.photo_date})
                if hit.licence or hit.author:
                    attributions.append(_attribution(hit, file) | {"looks": looks})
        log = table("acquisition_log", kept + rejected)
        return Listing(items, log, table("source_labels", labels), table("attributions", attributions))

    # --- one URL -----------------------------------------------------------------------------------------------------

    def _ask(self, url: str, client: WebClient) -> KeptAnswer:
        from looks_kedro.sources.web import FetchError

        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        limit = _byte_limit(client)
        try:
            reply = client.get(url, expect="image")
        except FetchError as error:
            final = not error.transient and error.reason not in _DECIDED_WITHOUT_A_REQUEST
            answer = KeptAnswer(url, error.status, "", "", 0, error.reason, final, limit, now)
        else:
            digest = hashlib.sha256(reply.content).hexdigest()
            self._store.keep_file(reply.content, digest)
            answer = KeptAnswer(url, reply.status, reply.type, digest, len(reply.content), "", True, limit, now)
        self._store.keep_answer(answer)
        return answer

    def _picture(self, digest: str, max_pixels: int) -> KeptPicture:
        """What a content is; it is decoded where nobody has done so yet."""
        return self._store.picture(digest, max_pixels) or self._examine(digest, max_pixels)

    def _examine(self, digest: str, max_pixels: int) -> KeptPicture:
        from looks_kedro.duplicates import perceptual_hash
        from looks_kedro.faces.decode import UnreadableImageError, decode

        data = self._store.file(digest).read_bytes()
        # One at a time, since a decoded picture may take 200 MB.
        with self._decoding:
            try:
                pixels = decode(data, max_pixels)
            except UnreadableImageError as error:
                picture = KeptPicture(error.reason, "", "")
            else:
                picture = KeptPicture("", _suffix(data), perceptual_hash(pixels))
        self._store.keep_picture(digest, max_pixels, picture)
        return picture

    def _is_done(self, url: str, client: WebClient, max_pixels: int) -> bool:
        answer = self._store.answer(url)
        if answer is None or not self._is_final(answer, client):
            return False
        return not answer.sha256 or self._store.picture(answer.sha256, max_pixels) is not None

    def _is_final(self, answer: KeptAnswer, client: WebClient) -> bool:
        if answer.reason == "too_large" and answer.byte_limit < _byte_limit(client):
            return False
        if not answer.sha256:
            return answer.final
        return self._store.is_whole(answer.sha256, answer.bytes)


def _in_order(hits: Sequence[Hit]) -> list[Hit]:
    """Each URL of a person once, persons in the order of their first hit, hits by rank."""
    place: dict[str, int] = {}
    for hit in hits:
        place.setdefault(hit.identity, len(place))
    once: dict[tuple[str, str], Hit] = {}
    for hit in sorted(hits, key=lambda hit: (place[hit.identity], hit.rank)):
        once.setdefault((hit.identity, hit.url), hit)
    return list(once.values())


def _log_row(hit: Hit, answer: KeptAnswer, picture: KeptPicture | None) -> dict[str, Any]:
    return {
        "origin": hit.url, "page": hit.page, "title": hit.title, "query": hit.query, "rank": hit.rank,
        "status": float("nan") if answer.status is None else answer.status, "type": answer.type,
        "identity": hit.identity, "licence": hit.licence, "sha256": answer.sha256,
        "perceptual_hash": picture.perceptual_hash if picture else "", "bytes": answer.bytes, "time": answer.time,
        "reason": picture.reason if picture else answer.reason,
    }  # fmt: skip


def _attribution(hit: Hit, file: str) -> dict[str, Any]:
    return {"file": file, "identity": hit.identity, "title": hit.title, "author": hit.author, "licence": hit.licence,
            "licence_url": hit.licence_url, "page": hit.page, "origin": hit.url}  # fmt: skip


def _suffix(data: bytes) -> str:
    """The suffix of a picture that can be decoded, by its content."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[name for name in _SUFFIXES if name in Image.OPEN]) as image:
        return _SUFFIXES[image.format or ""]


def _byte_limit(client: WebClient) -> int:
    return client.settings.max_bytes
