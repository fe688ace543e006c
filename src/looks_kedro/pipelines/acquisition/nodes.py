"""Nodes of the acquisition pipeline."""

import hashlib
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from looks_kedro.datasets import Images, Keyed
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.sources import Downloads
from looks_kedro.sources.listing import Content, Listing

from .parameters import Acquisition, ClassSource

log = logging.getLogger(__name__)

CLASSES = {1: "celebrities", 0: "ordinary"}

NO_SOURCE = """There are no portraits of {name} to work on: acquisition.{name}.path is not set. What can be done:
  kedro run --env demo                                                     the whole study on drawn portraits
  kedro run --env folders --params celebrities=FOLDER,ordinary=FOLDER      your own two folders
  kedro run --params acquisition.celebrities.path=FOLDER,acquisition.ordinary.path=FOLDER
                                                                           the study at its published size
  kedro run --params acquisition.celebrities.source=commons,acquisition.ordinary.source=huggingface
                                                                           photos from the web: see docs/sources.md
Later runs need no source: `kedro run --pipelines preprocessing,...` starts from the images acquired last."""


def acquire(
    acquisition: Acquisition, people: pd.DataFrame, downloads: Downloads
) -> tuple[Images, Images, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Get the raw images of both classes from their sources.

    Args:
        acquisition: the sources.
        people: whom the sources from the web search for: those with a rank list for celebrities, the others for
            ordinary people.
        downloads: what was fetched before, and where new downloads go.

    Returns:
        Raw images of celebrities and of ordinary people; the log, one row an image tried; the labels that the
        sources have; the licences; cells of label files that mean nothing.

    Raises:
        BadParameterError: a class has no source, or a setting does not fit it.
        BadInputError: a source is missing, empty or without an image, or its labels cannot be read.
    """
    listings = [_listing(acquisition, looks, people, downloads) for looks in CLASSES]
    for listing, name in zip(listings, CLASSES.values(), strict=True):
        kept = listing.log["kept"]
        log.info("%s: %d images, %d left out", name, int(kept.sum()), int((~kept).sum()))
    celebrities, ordinary = (Images(_keyed(listing)) for listing in listings)
    tables = (
        pd.concat([getattr(listing, name) for listing in listings], ignore_index=True)
        for name in ("log", "labels", "attributions", "label_rejections")
    )
    return (celebrities, ordinary, *tables)


def write_attributions(attributions: pd.DataFrame) -> str:
    """The licensed photos with their authors, as the licences ask, for wherever the photos go.

    Args:
        attributions: title, author, licence and page of each photo that has them.

    Returns:
        A text in Markdown.
    """
    from looks_kedro.sources.attributions import attributions_page

    return attributions_page(attributions)


def _keyed(listing: Listing) -> Iterator[tuple[str, Keyed, str]]:
    """The images by their sha256: those that are stored already are not read again."""
    kept = listing.log[listing.log["kept"]]
    digests = dict(zip(kept["file"], kept["sha256"], strict=True))
    for name, content, origin in listing.items:
        checked = partial(_same_bytes, content, digests[name], origin)
        yield name, Keyed(f"exactly these bytes: {digests[name]}", checked), origin


def _same_bytes(content: Content, digest: str, origin: str) -> bytes:
    """The bytes of an image, which must be those that were listed: the store would give others under their digest."""
    data = content.read_bytes() if isinstance(content, Path) else content if isinstance(content, bytes) else content()
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise BadInputError(
            f"{origin}: the file changed while it was read: expected the sha256 {digest[:12]}... that it had when it "
            f"was listed, found {found[:12]}.... Run again when nothing writes to it any more."
        )
    return data


def _listing(acquisition: Acquisition, looks: int, people: pd.DataFrame, downloads: Downloads) -> Listing:
    source = acquisition.celebrities if looks else acquisition.ordinary
    name = f"acquisition.{CLASSES[looks]}"
    _check_source(source, name)
    if source.source == "synthetic":
        return _draw(acquisition, looks)
    if source.source in ("bing", "commons"):
        return _search(acquisition, source, looks, people, downloads)
    if source.source == "huggingface":
        from looks_kedro.sources.huggingface import fairface_parquet

        settings = acquisition.huggingface.model_copy(update={"path": source.path} if source.path else {})
        return fairface_parquet(settings, looks, limit=source.limit, folder=downloads.root / "huggingface")
    if source.path is None:
        raise BadParameterError(NO_SOURCE.format(name=CLASSES[looks]))
    return _scan(Path(source.path), source, acquisition, looks)


def _check_source(source: ClassSource, name: str) -> None:
    """Refuse settings that the source would not look at."""
    used = {"folder": ("path", "labels", "limit"), "huggingface": ("path", "limit")}.get(source.source, ())
    for field in ("path", "labels", "limit"):
        if getattr(source, field) is not None and field not in used:
            raise BadParameterError(
                f"{name}.{field} is {getattr(source, field)!r}, but source: {source.source} does not use it; expected "
                f"null. The size of a search is acquisition.{source.source}.images_per_person."
                if source.source in ("bing", "commons")
                else f"{name}.{field} is {getattr(source, field)!r}, but source: {source.source} does not use it; "
                f"expected null."
            )


def _scan(path: Path, source: ClassSource, acquisition: Acquisition, looks: int) -> Listing:
    from looks_kedro.sources import scan_folder
    from looks_kedro.sources.archives import fairface_archive, is_archive

    if is_archive(path):
        padding = acquisition.huggingface.padding
        return fairface_archive(path, looks, labels=source.labels, limit=source.limit, padding=padding)
    return scan_folder(path, looks, labels=source.labels, limit=source.limit).listing


def _search(
    acquisition: Acquisition, source: ClassSource, looks: int, people: pd.DataFrame, downloads: Downloads
) -> Listing:
    from looks_kedro.sources.bing import search_bing
    from looks_kedro.sources.commons import search_commons
    from looks_kedro.sources.web import WebClient

    wanted = people[(people["rank_list"] != "") == bool(looks)].reset_index(drop=True)
    # One name in two spellings of Unicode is one person, as in folders and label files.
    wanted["identity"] = wanted["identity"].str.normalize("NFC").str.strip()
    if wanted.empty:
        which = "with a rank_list" if looks else "without a rank_list"
        raise BadParameterError(
            f"acquisition.{CLASSES[looks]}.source is {source.source}, but people.csv has nobody {which}: expected at "
            f"least one row, found {len(people)} in all. Fill data/01_raw/people.csv (docs/people.md has a template)."
        )
    with WebClient(acquisition.web) as client:
        limits = (acquisition.max_pixels, acquisition.refresh)
        if source.source == "bing":
            return search_bing(wanted, looks, acquisition.bing, client, downloads, *limits)
        return search_commons(wanted, looks, acquisition.commons, client, downloads, *limits)


def _draw(acquisition: Acquisition, looks: int) -> Listing:
    from looks_kedro.portraits import photo_set
    from looks_kedro.sources.listing import table

    photos = photo_set(acquisition.synthetic, looks, processes=acquisition.processes)
    items: list[tuple[str, Content, str]] = [(photo.file, photo.content, photo.origin) for photo in photos]
    log_rows = [
        {
            "file": photo.file,
            "looks": looks,
            "source": "synthetic",
            "origin": photo.origin,
            "identity": photo.identity or photo.file,
            "sha256": hashlib.sha256(photo.content).hexdigest(),
            "bytes": len(photo.content),
            "kept": True,
        }
        for photo in photos
    ]
    label_rows = [
        {
            "file": photo.file,
            "looks": looks,
            "age": photo.age,
            "gender": photo.gender,
            "race": photo.race,
            "label_source": "synthetic",
        }
        for photo in photos
    ]
    return Listing(items, table("acquisition_log", log_rows), table("source_labels", label_rows))
