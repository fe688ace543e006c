"""A versioned folder of images that appears whole, keeps unchanged images once, and knows what is in it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import pandas as pd
from kedro.io.core import AbstractVersionedDataset, DatasetError, Version
from kedro_datasets._typing import ImagePreview

from looks_kedro import tables
from looks_kedro.cache import ResultCache
from looks_kedro.datasets import staging
from looks_kedro.datasets.csv_files import write_table
from looks_kedro.datasets.encoding import Format, check_name, encode
from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.images import ImageFolder, Images, Keyed, read_manifest
from looks_kedro.datasets.versions import Versions
from looks_kedro.errors import BadParameterError, LooksError

Row = tuple[str, str, int, str]
"""name, sha256, bytes, source"""


class ImageFolderDataset(Versions, AbstractVersionedDataset[Images | Iterable[tuple[Any, ...]], ImageFolder]):
    """A folder of images with a manifest and, where given, a table; local files only.

    Laid out as ``<filepath>/<version>/<name of filepath>/``, or right in ``filepath`` where it is not versioned.
    Saving goes through a bounded pool of threads into a hidden folder, which one rename makes the new version.
    Versioned images are hard links into ``store`` (copies where links fail), so a version that changes little costs
    little; all files are read-only for that reason.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        format: Format = "jpeg",
        quality: int = 95,
        threads: int = 4,
        schema: str | None = None,
        store: str | os.PathLike[str] | None = None,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """An image folder.

        Args:
            filepath: the folder; versioned: the folder of its versions.
            format: ``jpeg`` or ``png``, for images given as arrays; bytes and files are stored as they are.
            quality: JPEG quality, 1 to 100; colours are kept at full resolution (4:4:4).
            threads: threads that encode and write.
            schema: schema of the table in ``looks_kedro.tables``, checked at saving and loading.
            store: where the bytes of versioned images lie once; several datasets on one file system may share it.
                Default: ``.store`` within ``filepath``.
            version: given by Kedro when the catalog entry says ``versioned: true``.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.

        Raises:
            BadParameterError: an argument is out of range.
        """
        if format not in get_args(Format):
            raise BadParameterError(f"{filepath}: format is {format!r}; expected one of {', '.join(get_args(Format))}.")
        if not 1 <= quality <= 100 or threads < 1:
            raise BadParameterError(
                f"{filepath}: quality is {quality} and threads is {threads}; expected 1 to 100, and at least 1."
            )
        if schema is not None:
            tables.schema(schema)
        super().__init__(filepath=PurePosixPath(os.fspath(filepath)), version=version, glob_function=self._glob)
        self._format, self._quality, self._threads, self._schema = format, quality, threads, schema
        self._store = Path(store) if store else Path(self._filepath) / ".store"
        self._keys = ResultCache(self._store / "keys.sqlite")
        self.metadata = metadata

    def load(self) -> ImageFolder:
        """A handle of the images; each file is seen to be there at its full size, none is opened.

        Raises:
            MissingVersionError: there is no such version; the message names those that exist.
            UnusableDataError: the version is empty or damaged.
        """
        if not self._version:
            staging.remove_stale(Path(self._filepath).parent)
        root = self._existing_path()
        told = f"Version {self.resolve_load_version()!r} of {self._filepath}" if self._version else f"{root}"
        remedy = "Delete it, and run the pipeline that makes it again."
        if not (root / "manifest.csv").is_file():
            raise UnusableDataError(f"{told} has no manifest.csv: it was not made by this dataset. {remedy}")
        manifest = read_manifest(root)
        if manifest.empty:
            raise UnusableDataError(f"{told} has no image. {remedy}")
        names = tuple(manifest["name"])
        damaged = [
            name for name, size in zip(names, manifest["bytes"], strict=True) if not _is_whole(root / name, size)
        ]
        if damaged:
            raise UnusableDataError(
                f"{told} is damaged: {len(damaged)} of {len(names)} images of its manifest.csv are missing or cut "
                f"off, among them {', '.join(damaged[:3])}. {remedy}"
            )
        return ImageFolder(root, names, self.resolve_load_version(), self._schema)

    def save(self, data: Images | Iterable[tuple[Any, ...]]) -> None:
        """Write the images, and make them the new version when all are written.

        Raises:
            UnusableDataError: there is no image, a name is unfit or comes twice, or an image cannot be made.
        """
        target = Path(self._get_save_path())
        _refuse_iterator(data, target)
        # A version appears with the rename of its folder, so the folder of versions is where to prepare it.
        parent = target.parent.parent if self._version else target.parent
        with staging.staging_folder(parent) as folder:
            root = folder / "new" / target.name
            root.mkdir(parents=True)
            rows = self._write_images(iter(data), root)
            if not rows:
                raise UnusableDataError(
                    f"{target}: there is no image to save. Look at the rejections of the step before for the reason."
                )
            _write_manifest(rows, root / "manifest.csv")
            if isinstance(data, Images) and data.table is not None:
                write_table(data.table, root / "table.csv", self._schema, told=target / "table.csv")
            elif self._schema:
                raise UnusableDataError(f"{target}: expected a table {self._schema!r} with the images; found none.")
            if self._version:
                _publish(root.parent, target.parent)
            else:
                staging.swap(root, target, folder)

    def prune_store(self) -> int:
        """Remove stored files that no version uses any more (delete versions first); not while a run is saving.

        Returns:
            Number of bytes freed.
        """
        freed = 0
        for stored in sorted(self._store.glob("??/*")):
            status = stored.stat()
            if status.st_nlink == 1:
                stored.unlink()
                freed += status.st_size
        return freed

    def preview(self, columns: int = 6, rows: int = 4, side: int = 96) -> ImagePreview:
        """A contact sheet for Kedro-Viz, as base64 text."""
        from looks_kedro.datasets.contact_sheet import as_base64, contact_sheet

        return ImagePreview(as_base64(contact_sheet(self.load(), columns, rows, side)))

    def _write_images(self, items: Iterator[tuple[Any, ...]], root: Path) -> list[Row]:
        """Work the items through the threads, at most four a thread at a time."""
        rows: list[Row] = []
        waiting: deque[Future[Row] | Row] = deque()
        stop = threading.Event()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="images")
        try:
            for name, content, source in self._named(items):
                # Linking is quicker than handing it to a thread.
                placed = self._place_again(name, content, root)
                if placed:
                    waiting.append((name, *placed, source))
                else:
                    waiting.append(pool.submit(self._write_image, name, content, source, root, stop))
                while len(waiting) >= 4 * self._threads:
                    rows.append(_row(waiting.popleft()))
            rows.extend(map(_row, waiting))
        finally:
            # After a failure nothing more may be written into a folder that is about to go.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._keys.close()
        return rows

    def _write_image(self, name: str, content: Any, source: str, root: Path, stop: threading.Event) -> Row:
        if stop.is_set():
            return name, "", 0, source
        path = root / name
        key = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Keyed):
                key, content = self._key(content), content.content
            data = encode(content, self._format, self._quality)
            digest = staging.place(data, path, self._store if self._version else None)
            if key and self._version:
                self._keys.keep(key, f"{digest} {len(data)}")
        except Exception as error:
            raise _told(error, f"{self._filepath}: image {name!r} cannot be saved") from error
        return name, digest, len(data), source

    def _key(self, content: Keyed) -> str:
        return hashlib.sha256(f"{self._format} {self._quality}\n{content.key}".encode()).hexdigest()

    def _place_again(self, name: str, content: Any, root: Path) -> tuple[str, int] | None:
        """Link what was stored under the content's key before; None where there is nothing."""
        if not self._version or not isinstance(content, Keyed):
            return None
        key = self._key(content)
        known = self._keys.known([key]).get(key)
        if known is None:
            return None
        digest, size = known.split()
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _told(error, f"{self._filepath}: image {name!r} cannot be saved") from error
        return (digest, int(size)) if staging.link(digest, int(size), path, self._store) else None

    def _named(self, items: Iterator[tuple[Any, ...]]) -> Iterator[tuple[str, Any, str]]:
        """Name, content and source of each item; errors name the dataset and the image before."""
        names: set[str] = set()
        last = "the first image"
        while True:
            try:
                name, content, source = _unpack(next(items), names)
            except StopIteration:
                return
            except Exception as error:
                raise _told(error, f"{self._filepath}: the images broke off at {last}") from error
            yield name, content, source
            last = f"the one after {name!r}"

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "format": self._format, "schema": self._schema, "version": self._version}


def _row(done: Future[Row] | Row) -> Row:
    return done.result() if isinstance(done, Future) else done


def _refuse_iterator(data: object, target: Path) -> None:
    if isinstance(data, Iterator) or not isinstance(data, Iterable) or isinstance(data, (str, bytes, dict)):
        raise UnusableDataError(
            f"{target}: expected Images, or a list of (name, image); found {type(data).__name__}. Wrap a generator: "
            f"Images(items), and return it instead of yielding."
        )


def _unpack(item: Any, names: set[str]) -> tuple[str, Any, str]:
    """Name, content and source of an item; the name is noted, and refused when it was there before."""
    if not isinstance(item, tuple) or len(item) not in (2, 3):
        raise UnusableDataError(f"expected tuples (name, image) or (name, image, source); found {type(item).__name__}.")
    name = check_name(item[0])
    if name in names:
        raise UnusableDataError(f"two images are named {name!r}; give each a name of its own.")
    names.add(name)
    return name, item[1], str(item[2]) if len(item) == 3 and item[2] is not None else ""


def _write_manifest(rows: list[Row], path: Path) -> None:
    frame = pd.DataFrame(rows, columns=["name", "sha256", "bytes", "source"])
    write_table(frame, path)


def _publish(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as error:
        if target.exists():
            raise UnusableDataError(f"{target} was made by another run meanwhile; it is left as it is.") from error
        raise


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _told(error: Exception, where: str) -> DatasetError:
    """What the user can mend is told in one message; what looks like a mistake in the program keeps its traceback."""
    if isinstance(error, LooksError):
        return UnusableDataError(f"{where}: {error}")
    kind = UnusableDataError if isinstance(error, OSError) else DatasetError
    return kind(f"{where}: {type(error).__name__}: {error}")
