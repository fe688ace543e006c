"""A versioned network checkpoint: a state dict and plain metadata in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io.core import AbstractVersionedDataset

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.versions import VersionedFile
from looks_kedro.errors import BadInputError
from looks_kedro.weight_files import read_content

Checkpoint = dict[str, Any]


class CheckpointDataset(VersionedFile, AbstractVersionedDataset[Checkpoint, Checkpoint]):
    """A dict of tensors, numbers, texts, lists and dicts, written by ``torch.save``; local files only.

    Loads to the CPU with ``weights_only=True``: a checkpoint cannot run code.
    """

    def load(self) -> Checkpoint:
        """Read the checkpoint to the CPU."""
        return read_checkpoint(self._existing_path())

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
            read_checkpoint(partial, told=path)


def read_checkpoint(path: Path, told: Path | None = None) -> Checkpoint:
    """Read a file of ``torch.save`` to the CPU without running code from it.

    Args:
        path: the file.
        told: the name for messages, when it differs.

    Raises:
        UnusableDataError: the file is a web page, a Git LFS pointer, empty, cut off, a pickled module, or no dict.
    """
    name = told or path
    try:
        content = read_content(path, "a checkpoint", "train or download the network first")
    except BadInputError as error:
        raise UnusableDataError(str(error).replace(str(path), str(name))) from error
    if not isinstance(content, dict):
        raise UnusableDataError(
            f"{name}: expected a dict with a state dict in it; found {type(content).__name__}. "
            f"Save a dict such as {{'state_dict': model.state_dict()}}."
        )
    return content
