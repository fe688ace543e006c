"""What the datasets here share: finding versions, naming the ones that exist, writing files whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io.core import VersionNotFoundError

from looks_kedro.datasets.errors import MissingVersionError

if TYPE_CHECKING:
    from kedro.io.core import AbstractVersionedDataset, Version

    Base = AbstractVersionedDataset[Any, Any]
else:
    Base = object


class Versions(Base):
    """Mixed into an ``AbstractVersionedDataset`` of local files, laid out ``<filepath>/<version>/<name>``."""

    _filepath: PurePosixPath
    _version: Version | None

    @staticmethod
    def _glob(pattern: str) -> list[str]:
        """Paths of a pattern ``<filepath>/*/<name>``; brackets in the folder's own name mean nothing special."""
        folder, name = Path(pattern).parent.parent, Path(pattern).name
        if not folder.is_dir():
            return []
        versions = [entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_dir()]
        return [(entry / name).as_posix() for entry in versions]

    def _pinned(self) -> str | None:
        return self._version.load if self._version else None

    def _existing_path(self) -> Path:
        """Where to load from.

        Raises:
            MissingVersionError: there is nothing; the message names the versions that exist.
        """
        try:
            path = Path(self._get_load_path())
        except VersionNotFoundError as error:
            raise self._missing() from error
        if not path.exists():
            raise self._missing()
        return path

    def _missing(self) -> MissingVersionError:
        remedy = "Run the pipeline that makes it first."
        if not self._version:
            return MissingVersionError(f"{self._filepath} does not exist. {remedy}")
        found = [PurePosixPath(path).parent.name for path in sorted(self._get_versions(), reverse=True)]
        if not self._pinned():
            return MissingVersionError(f"There is no version of {self._filepath} yet. {remedy}")
        if not found:
            return MissingVersionError(
                f"There is no version {self._pinned()!r} of {self._filepath}; it has none yet. {remedy}"
            )
        rest = f" and {len(found) - 10} older" if len(found) > 10 else ""
        return MissingVersionError(
            f"There is no version {self._pinned()!r} of {self._filepath}. "
            f"These exist, newest first: {', '.join(found[:10])}{rest}. Name one of them in --load-versions."
        )

    @contextmanager
    def _written_whole(self, path: Path) -> Iterator[Path]:
        """A hidden place to write to, which becomes ``path`` in one step when all went well."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            yield partial
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            if self._version and not any(path.parent.iterdir()):
                path.parent.rmdir()
            raise

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).exists()
        except VersionNotFoundError:
            return False


class VersionedFile(Versions):
    """Mixed into the dataset of one local file, which may be versioned."""

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """A dataset of one file.

        Args:
            filepath: the file, such as ``model.pt``; versioned: the folder of its versions.
            version: given by Kedro when the catalog entry says ``versioned: true``.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.
        """
        super().__init__(filepath=PurePosixPath(os.fspath(filepath)), version=version, glob_function=self._glob)
        self.metadata = metadata

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
