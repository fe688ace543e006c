"""Files of a data set on the Hugging Face hub, fetched once and never begun again.

The hub's own downloader (huggingface_hub 2.4) drops a file that was begun when its process ends. Its shards have
250 to 470 MB, so they are kept here as they come, and go on where they broke off.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

from looks_kedro.errors import BadInputError
from looks_kedro.sources.media_types import ENOUGH, describe

logger = logging.getLogger(__name__)

_TRIES = 5


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its path there, its size, its sha256 ("" for small files, which have none)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class HubListing:
    """The files of a repository at one commit."""

    repository: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]


def fetch_data_set(
    repository: str, revision: str, wanted: Callable[[str], bool], folder: Path, endpoint: str | None = None
) -> tuple[Path, str]:
    """Fetch files of a data set, unless they are there.

    The commit that ``revision`` stood for at the first time is kept in ``folder`` and used from then on, so that
    later runs have the same images and need no network; delete the folder to follow the repository.

    Args:
        repository: such as ``HuggingFaceM4/FairFace``.
        revision: a branch, a tag or a commit.
        wanted: which paths of the repository to fetch.
        folder: where they are kept.
        endpoint: address of the hub; None takes huggingface.co, or the environment variable HF_ENDPOINT.

    Returns:
        The folder that holds the files under their paths, and the commit.

    Raises:
        BadInputError: the hub cannot be reached or refuses, has no such file, or gives other bytes than it announces.
    """
    _quiet()
    home = folder / repository.replace("/", "--")
    listing = _listing(repository, revision, home, endpoint)
    root = home / listing.commit
    files = [file for file in listing.files if wanted(file.path)]
    if not files:
        raise BadInputError(
            f"{repository} at {listing.commit} has none of the files that are needed; found "
            f"{', '.join(file.path for file in listing.files[:8]) or 'no file'}. Correct repository or revision."
        )
    absent = [file for file in files if not _is_whole(root / file.path, file)]
    if absent:
        size = sum(file.size for file in absent) / 1e6
        logger.info("%s: fetching %d files, %.0f MB, to %s.", repository, len(absent), size, root)
    for file in absent:
        _fetch(file, listing, root / file.path, endpoint)
    return root, listing.commit


def _quiet() -> None:
    """No statistics to the hub, and no bars where nobody looks."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    # The variable counts only when it is set before the first import, which another library may have done.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if not sys.stderr.isatty():
        disable_progress_bars()


def _listing(repository: str, revision: str, home: Path, endpoint: str | None) -> HubListing:
    kept = home / f"{revision.replace('/', '--')}.json"
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        files = tuple(HubFile(**file) for file in found.pop("files"))
        listing = HubListing(files=files, **found)
        logger.info("%s: revision %s is commit %s, as before; delete %s to ask again.", repository, revision,
                    listing.commit, kept)  # fmt: skip
        return listing
    listing = _ask(repository, revision, endpoint)
    kept.parent.mkdir(parents=True, exist_ok=True)
    begun = kept.with_suffix(".part")
    begun.write_text(json.dumps(asdict(listing), indent=1), encoding="utf-8")
    begun.replace(kept)
    return listing


def _ask(repository: str, revision: str, endpoint: str | None) -> HubListing:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(endpoint=endpoint, library_name="looks_kedro", token=False)
    failures: tuple[type[Exception], ...] = (*_network_errors(), ValueError)
    try:
        commit = api.dataset_info(repository, revision=revision).sha
        if commit is None:
            raise BadInputError(f"{api.endpoint} names no commit of {repository} at {revision!r}.")
        tree = api.list_repo_tree(repository, repo_type="dataset", revision=commit, recursive=True)
        files = tuple(
            HubFile(entry.path, entry.lfs.size if entry.lfs else entry.size, entry.lfs.sha256 if entry.lfs else "")
            for entry in tree
            if isinstance(entry, RepoFile)
        )
    except failures as error:
        raise BadInputError(
            f"{repository} at {revision!r} cannot be listed on {api.endpoint}: {_first_line(error)}. Check the network "
            f"and the name, or download its Parquet files yourself and name their folder (path)."
        ) from error
    # Both become names on this disk, and an endpoint may be anybody's.
    strange = [file.path for file in files if not _is_plain(file.path)]
    if not re.fullmatch("[0-9a-f]{40}", commit) or strange:
        raise BadInputError(f"{api.endpoint} gives {[commit, *strange[:3]]} as commit and files; expected plain names.")
    return HubListing(repository, revision, commit, files)


def _is_plain(path: str) -> bool:
    return not re.search(r'[\\:*?"<>|\x00-\x1f]', path) and not {"", ".", ".."}.intersection(path.split("/"))


def _fetch(file: HubFile, listing: HubListing, target: Path, endpoint: str | None) -> None:
    """Fetch one file: resumed from what an earlier try or run left, checked, and moved into its place."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(listing.repository, file.path, repo_type="dataset", revision=listing.commit, endpoint=endpoint)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    left = _TRIES
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before > file.size:
            part.unlink()
            before = 0
        elif before:
            logger.info("%s: going on after %d of %d bytes.", file.path, before, file.size)
        try:
            # The hub goes by Content-Length: any compression would make the rest of a file something else.
            headers = build_hf_headers(library_name="looks_kedro", token=False) | {"Accept-Encoding": "identity"}
            with part.open("ab") as content:
                http_get(url, content, resume_size=before, headers=headers, expected_size=file.size)
            break
        except _network_errors() as error:
            grown = part.exists() and part.stat().st_size > before
            left = _TRIES if grown else left - 1
            refused = getattr(getattr(error, "response", None), "status_code", 0) in (401, 403, 404, 410)
            if refused or not left or (isinstance(error, OSError) and error.errno):
                raise BadInputError(
                    f"{url}: cannot be downloaded: {_first_line(error)}. Run again to go on after "
                    f"{part.stat().st_size if part.exists() else 0:,} of {file.size:,} bytes, or give the files (path)."
                ) from error
            logger.warning("%s: broke off (%s); trying again.", file.path, _first_line(error))
    _check(part, file, url)
    part.replace(target)


def _check(part: Path, file: HubFile, url: str) -> None:
    with part.open("rb") as content:
        start = content.read(ENOUGH)
        content.seek(0)
        digest = file_digest(content, "sha256").hexdigest() if file.sha256 else ""
    if digest != file.sha256:
        part.unlink()
        raise BadInputError(
            f"{url}: expected a file with sha256 {file.sha256}, found {describe(start)} with {digest}; removed it. "
            f"Run again."
        )


def _is_whole(path: Path, file: HubFile) -> bool:
    # A file gets its name only after it was checked.
    return path.is_file() and path.stat().st_size == file.size


def _network_errors() -> tuple[type[Exception], ...]:
    """What the hub's library raises when the network fails; its errors build on those of the HTTP library it uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return (*HfHubHTTPError.__bases__, OSError)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
