"""A versioned network checkpoint: a state dict and plain metadata in one file."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractVersionedDataset

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.versions import VersionedFile

Checkpoint = dict[str, Any]


class CheckpointDataset(VersionedFile, AbstractVersionedDataset[Checkpoint, Checkpoint]):
    """A dict of tensors, numbers, texts, lists and dicts, written by ``torch.save``; local files only.

    Loads to the CPU with ``weights_only=True``: a checkpoint cannot run code.
    """

    def load(self) -> Checkpoint:
        """Read the checkpoint to the CPU."""
        return load_checkpoint(self._existing_path())

    def save(self, data: Checkpoint) -> None:
        """Write the checkpoint; readers see the old file or the whole new one."""
        import torch

        path = Path(self._get_save_path())
        if not isinstance(data, dict):
            raise UnusableDataError(
                f"{path}: a checkpoint is a dict, such as {{'state_dict': model.state_dict(), 'classes': [...]}}; "
                f"found {type(data).__name__}. Save the module's state_dict()."
            )
        with self._written_whole(path) as partial:
            # Given a path, torch writes its name into the file: the same weights would not give the same bytes.
            with partial.open("wb") as file:
                torch.save(data, file)
            # What cannot be loaded again must not become the newest version.
            load_checkpoint(partial, told=path)


def load_checkpoint(path: Path, told: Path | None = None) -> Checkpoint:
    """Read a file of ``torch.save`` to the CPU without running code from it.

    Args:
        path: the file.
        told: the name for messages, when it differs.

    Raises:
        UnusableDataError: the file is a web page, a Git LFS pointer, empty, cut off, a pickled module, or no dict.
    """
    import torch

    name = told or path
    refuse_impostor(path, name)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnusableDataError(
            f"{name}: holds Python objects other than tensors, numbers, texts, lists and dicts (a whole pickled "
            f"module?), which could run code when loaded. Save the state_dict() instead: "
            f"torch.save({{'state_dict': model.state_dict()}}, path). ({_first_line(error)})"
        ) from error
    except (RuntimeError, EOFError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise UnusableDataError(
            f"{name}: cut off, or no torch checkpoint ({_first_line(error)}). Download or train it again."
        ) from error
    if not isinstance(content, dict):
        raise UnusableDataError(
            f"{name}: expected a dict with a state dict in it; found {type(content).__name__}. "
            f"Save a dict such as {{'state_dict': model.state_dict()}}."
        )
    return content


def refuse_impostor(path: Path, name: Path | None = None) -> None:
    """Refuse what download mishaps leave in the place of a weights file, judged by its first bytes.

    Raises:
        UnusableDataError: the file is missing, empty, a web page, or a Git LFS pointer.
    """
    name = name or path
    if not path.is_file():
        raise UnusableDataError(f"{name}: there is no such file. Train or download the network first.")
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if not start:
        raise UnusableDataError(f"{name}: the file is empty. Download or train it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise UnusableDataError(
            f"{name}: a web page, not a checkpoint: the download gave a login, quota or error page. "
            f"Open the link in a browser, or take another source."
        )
    if start.startswith(b"version https://git-lfs"):
        raise UnusableDataError(
            f"{name}: a Git LFS pointer, not the checkpoint itself. Run 'git lfs pull' where it came from."
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
