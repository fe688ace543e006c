"""Weights of published networks, fetched into one folder and checked."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterable, Mapping
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from looks_kedro.errors import BadInputError
from looks_kedro.sources.listing import table
from looks_kedro.sources.media_types import ENOUGH, describe, media_type
from looks_kedro.sources.weight_registry import IMAGENET, WEIGHT_FILES, WeightFile, WeightName, imagenet_weights

if TYPE_CHECKING:
    import pandas as pd

    from looks_kedro.sources.web import WebClient

__all__ = ["WEIGHT_FILES", "WeightFile", "WeightName", "fetch_weights", "needed_weight_file", "weight_file"]

logger = logging.getLogger(__name__)

_LARGEST_PAGE = 1_000_000  # bytes


def weight_file(folder: Path, name: str) -> Path | None:
    """The file of some weights in a folder, None where it is not there.

    It was checked when it was fetched; here only what a person may have put there by mistake is refused.

    Raises:
        BadInputError: the name is unknown, or a web page or a Git LFS pointer lies there.
    """
    path = folder / _known(name).file
    if not path.is_file():
        return None
    problem = _foreign(path)
    if problem:
        raise BadInputError(f"{path}: {problem}. Remove it and fetch it again: {_command(name)}")
    return path


def needed_weight_file(folder: Path, name: str) -> Path:
    """The file of some weights in a folder.

    Raises:
        BadInputError: as :func:`weight_file`, or it is not there; says how to fetch it.
    """
    path = weight_file(folder, name)
    if path is None:
        raise BadInputError(
            f"{folder / _known(name).file}: expected the weights {name}, found no such file. Fetch them: "
            f"{_command(name)} (or, from a file that you have, with ,weights.local.{name}=FILE)."
        )
    return path


def fetch_weights(
    names: Iterable[str],
    folder: Path,
    client: WebClient,
    *,
    local: Mapping[WeightName, str | Path] | None = None,
    mirrors: Mapping[WeightName, str] | None = None,
) -> pd.DataFrame:
    """Bring files of weights into a folder: resumed where they broke off, checked, put in place in one step.

    Args:
        names: which, of ``WEIGHT_FILES``, or ``imagenet_NAME`` with torchvision's name of a network.
        folder: where they go.
        client: asks the web.
        local: files that are there already, by name; they are copied after the same checks.
        mirrors: addresses to use in place of the published ones, by name.

    Returns:
        Table ``weights_table``, in the order of the names.

    Raises:
        BadInputError: one of them cannot be had or is another file; the others have been fetched nevertheless.
    """
    local, mirrors = local or {}, mirrors or {}
    entries = [_known(name) for name in dict.fromkeys(names)]
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    for entry in entries:
        urls = (mirrors[entry.name],) if entry.name in mirrors else entry.urls
        given = local.get(entry.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            rows.append(_bring(entry, folder, client, Path(given) if given else None, urls))
        except BadInputError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{folder / entry.file}: cannot be written: {error}. Make room, or correct the folder.")
    if problems:
        raise BadInputError("\n".join(problems))
    return table("weights_table", rows)


def _known(name: str) -> WeightFile:
    if name.startswith(IMAGENET):
        return imagenet_weights(name)
    if name not in WEIGHT_FILES:
        raise BadInputError(f"There are no weights {name!r}; known are {', '.join(WEIGHT_FILES)}, "
                            f"and {IMAGENET}NAME of a network of torchvision.")  # fmt: skip
    return WEIGHT_FILES[name]


def _command(name: str) -> str:
    return f"kedro run --pipelines weights --params weights.names={name}"


def _bring(
    entry: WeightFile, folder: Path, client: WebClient, given: Path | None, urls: tuple[str, ...]
) -> dict[str, Any]:
    path = folder / entry.file
    sha256 = entry.sha256 or _remembered(path)
    if given is not None and not given.is_file():
        raise BadInputError(f"{given}: there is no such file. Correct weights.local.{entry.name}.")
    if path.is_file():
        digest = _checked(path, entry, sha256)
        if given is not None and _digest(given, "sha256") != digest:
            raise BadInputError(f"{given}: another file than {path}, which is there already. Remove one of them.")
        state, origin = "already there", ""
    else:
        # Nothing has the file's own name before it was checked.
        unchecked = path.with_name(f"{path.name}.unchecked")
        if given is not None:
            shutil.copyfile(given, unchecked)
            state, origin = "copied", given.as_posix()
        else:
            origin = _download(entry, unchecked, client, urls, sha256)
            state = "downloaded"
        try:
            digest = _checked(unchecked, entry, sha256, origin)
        except BadInputError:
            unchecked.unlink()
            raise
        if not entry.is_vouched_for():
            _remember(path, digest, origin)
        unchecked.replace(path)
    logger.info("%s: %s (%s).", path, state, entry.purpose)
    return {"name": entry.name, "file": entry.file, "bytes": path.stat().st_size, "sha256": digest, "origin": origin,
            "state": state}  # fmt: skip


def _download(entry: WeightFile, target: Path, client: WebClient, urls: tuple[str, ...], sha256: str | None) -> str:
    """Fetch from the first address that works, and give this address."""
    from looks_kedro.sources.web import FetchError

    told = []
    for url in urls:
        try:
            _follow(url, target, client, entry, sha256)
        except (FetchError, BadInputError) as error:
            told.append(f"  {error}")
            logger.warning("%s: %s", entry.file, error)
        else:
            return url
    raise BadInputError(
        "\n".join([f"{entry.file} ({entry.purpose}) cannot be fetched:", *told])
        + f"\n  Download it with a browser and give it: {_command(entry.name)},weights.local.{entry.name}=FILE"
        + f"\n  or give another address: weights.mirrors.{entry.name}=URL"
    )


def _follow(url: str, target: Path, client: WebClient, entry: WeightFile, sha256: str | None) -> None:
    """Download a file; where Google Drive asks whether one is sure, say yes."""
    from looks_kedro.sources.web import FetchError

    expected: dict[str, Any] = {"sha256": sha256, "size": entry.size, "md5": entry.md5, "description": entry.file}
    try:
        client.download(url, target, **expected)
    except FetchError as error:
        confirmed = None
        if error.reason == "web_page":
            page = client.get(url, expect="page", max_bytes=_LARGEST_PAGE)
            confirmed = _confirmation(page.content.decode("utf-8", "replace"), page.final_url)
        if confirmed is None:
            raise
        client.download(confirmed, target, **expected)


def _confirmation(page: str, url: str) -> str | None:
    """The address behind Drive's page "cannot scan this file for viruses", None where the page is another one."""
    form = re.search(r'<form\b[^>]*\bid="download-form"[^>]*>(.*?)</form>', page, re.DOTALL)
    action = re.search(r'\baction="([^"]*)"', form[0]) if form else None
    if not form or not action:
        return None
    fields = {}
    for tag in re.findall(r"<input\b[^>]*>", form[1]):
        attributes = {name: unescape(value) for name, value in re.findall(r'\b(\w+)="([^"]*)"', tag)}
        if attributes.get("type") == "hidden" and "name" in attributes:
            fields[attributes["name"]] = attributes.get("value", "")
    address = urljoin(url, unescape(action[1]))
    return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"


def _checked(path: Path, entry: WeightFile, sha256: str | None, origin: str = "") -> str:
    """The sha256 of a file that is the right one."""
    problem = _foreign(path)
    digests = {}
    if not problem:
        size = path.stat().st_size
        for kind, expected in (("sha256", sha256), ("md5", entry.md5)):
            digests[kind] = _digest(path, kind)
            if expected and digests[kind] != expected and not problem:
                problem = f"found {size:,} bytes with {kind} {digests[kind]}; expected {kind} {expected}"
                problem += f" ({entry.size:,} bytes)" if entry.size else ""
        if entry.sha256_start and not digests["sha256"].startswith(entry.sha256_start) and not problem:
            problem = f"found {size:,} bytes with sha256 {digests['sha256']}; expected one beginning with "
            problem += entry.sha256_start
    if problem:
        kept = "" if entry.is_vouched_for() else f" If you trust it, remove {path.name}.sha256 as well."
        raise BadInputError(
            f"{origin or path}: not the weights {entry.file}: {problem}. "
            f"{'Give another file or address.' if origin else 'Remove it and run again.'}{kept if not origin else ''}"
        )
    return digests["sha256"]


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, kind).hexdigest()


def _foreign(path: Path) -> str:
    """What lies in the place of weights, where it cannot be weights; "" where it can."""
    with path.open("rb") as content:
        start = content.read(ENOUGH)
    # torch writes zips or pickles, ONNX has no signature.
    return "" if start and media_type(start) in {"", "application/zip"} else f"found {describe(start)}"


def _remembered(path: Path) -> str | None:
    """The sha256 kept at the first download of a file whose publisher gives none."""
    note = path.with_name(f"{path.name}.sha256")
    if not note.is_file():
        return None
    match = re.match(r"[0-9a-f]{64}\b", note.read_text(encoding="utf-8"))
    if not match:
        raise BadInputError(f"{note}: expected a sha256 (64 hexadecimal digits). Remove it to accept the file anew.")
    return match[0]


def _remember(path: Path, digest: str, origin: str) -> None:
    note = path.with_name(f"{path.name}.sha256")
    if not note.exists():
        # The form that `sha256sum --check` reads.
        note.write_text(f"{digest}  {path.name}\n", encoding="utf-8")
        logger.warning("%s: nobody publishes a sha256 of this file; from now on it is %s, as %s gave it.",
                       path, digest, origin)  # fmt: skip
