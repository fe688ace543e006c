"""The state of a training after each epoch, on disk, so that a run that was stopped goes on from there.

The states lie outside the outputs of a run: they are means, not results. Each training has one file under a key that
names everything its numbers depend on, so a state is never wrong, only unused; the folder may be deleted at any time.

The catalog opens this place before anything is trained, so torch is loaded only where it is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import LooksError
from looks_kedro.learning.settings import Training

if TYPE_CHECKING:
    import torch

__all__ = ["Recovery", "RecoveryError", "Slot", "array_digest", "recovery_key", "state_digest"]

log = logging.getLogger(__name__)

FORMAT = 2
"""Goes up when the engine changes what the same settings give, or what a file holds."""

DAYS_KEPT = 30
"""How long the state of a training that nobody went on with is kept."""

_MAGIC = b"looks_kedro recovery 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size

# What the numbers do not depend on: how batches get to the network, and what the key names by what it resolves to.
_FREE_SETTINGS = frozenset({"workers", "array_gigabytes", "device", "precision", "memory_format"})

_used: dict[Path, set[str]] = {}


class RecoveryError(LooksError):
    """The state of a training cannot be kept."""


class Recovery:
    """The folder of the states.

    Args:
        folder: where they lie; made with the first one.
        label: apart from the states of other labels.
    """

    def __init__(self, folder: str | Path, label: str = "") -> None:
        self.folder, self.label = Path(folder), label

    def __repr__(self) -> str:
        return f"Recovery({self.folder.as_posix()!r})"

    def labelled(self, label: str) -> Recovery:
        """The same folder for trainings that must not be taken for equal ones elsewhere, such as those that are timed.

        Args:
            label: letters, digits and ``_`` of a file's name.
        """
        return Recovery(self.folder, label)

    def slot(self, key: str) -> Slot:
        """The place of one training's state; counts as used by this run from now on."""
        key = f"{self.label}-{key}" if self.label else key
        _used.setdefault(self.folder.absolute(), set()).add(key)
        return Slot(self.folder / f"{key}.state")

    def forget(self) -> None:
        """Count no state as used, for the start of a run: one that an earlier run of the process left is to stay."""
        _used.pop(self.folder.absolute(), None)

    def clear(self) -> None:
        """Remove the states that were used since then, for when its results are safe, and long abandoned ones."""
        for key in _used.pop(self.folder.absolute(), set()):
            Slot(self.folder / f"{key}.state").remove()
        oldest = time.time() - DAYS_KEPT * 86_400
        for file in [*self.folder.glob("*.state"), *self.folder.glob("*.state.part")]:
            with contextlib.suppress(FileNotFoundError):  # another process may just have removed it
                if file.stat().st_mtime < oldest:
                    file.unlink()


class Slot:
    """One training's state in one file.

    The file is a line of text, the sha256 of what follows, and what ``torch.save`` writes. It is written beside its
    place and then moved there, so it is the old one or the new one at any moment, whole.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def load(self) -> dict[str, Any] | None:
        """The state kept last; none where there is none.

        A file that was cut off or changed is as good as none: that is told as a warning.
        """
        import torch

        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._unreadable(str(error.strerror))
            return None
        start = len(_MAGIC) + _DIGEST_BYTES
        if (
            not content.startswith(_MAGIC)
            or hashlib.sha256(memoryview(content)[start:]).digest() != (content[len(_MAGIC) : start])
        ):
            self._unreadable("it is cut off or was changed")
            return None
        try:
            state = torch.load(io.BytesIO(memoryview(content)[start:]), map_location="cpu", weights_only=True)
        except Exception as error:  # whatever another version of torch has written
            self._unreadable(str(error).partition("\n")[0])
            return None
        if not isinstance(state, dict):
            self._unreadable("it holds something else")
            return None
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Put a state in place of the one before, for good: it survives a loss of power.

        Args:
            state: tensors, numbers, strings, and lists and dictionaries of them.

        Raises:
            RecoveryError: it cannot be written; the state before is as it was.
        """
        import torch

        staged = self.file.with_name(self.file.name + ".part")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with staged.open("wb") as handle:
                handle.write(_MAGIC + bytes(_DIGEST_BYTES))
                written = _HashedFile(handle)
                torch.save(dict(state), written)  # type: ignore[arg-type]
                written.check()
                handle.seek(len(_MAGIC))
                handle.write(written.digest.digest())
                handle.flush()
                os.fsync(handle.fileno())
            staged.replace(self.file)
            _sync_folder(self.file.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)
            raise RecoveryError(self._cannot_write(error.strerror or str(error))) from error

    def check_space(self, needed: int) -> None:
        """Refuse before an epoch, and not after it, what its state has no room for.

        Args:
            needed: bytes of the state that is to be kept next; it is written beside the one before.

        Raises:
            RecoveryError: the disk has less left.
        """
        with contextlib.suppress(OSError):  # a folder that cannot be made or asked shows itself when it is written to
            self.file.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.file.parent).free
            if free < needed:
                raise RecoveryError(
                    self._cannot_write(f"it takes {_megabytes(needed)}, the disk has {_megabytes(free)} left")
                )

    def remove(self) -> None:
        """Forget the state."""
        self.file.unlink(missing_ok=True)
        self.file.with_name(self.file.name + ".part").unlink(missing_ok=True)

    def _cannot_write(self, why: str) -> str:
        kept = "the state kept before is as it was" if self.file.exists() else "no state was kept before"
        return f"{self.file}: cannot keep the state of the training: {why}; {kept}. Make room there and run again"

    def _unreadable(self, why: str) -> None:
        log.warning("%s: expected the state of a training, but %s; the training starts anew", self.file, why)


class _HashedFile:
    """Passes what is written on to a file and hashes it.

    An error of the file is kept for :meth:`check`: raised amid ``torch.save``, it would be told as another one.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: OSError | None = None
        self.digest = hashlib.sha256()

    def write(self, part: bytes) -> int:
        if self._error is None:
            try:
                self._file.write(part)
                self.digest.update(part)
            except OSError as error:
                self._error = error
        return len(part)

    def flush(self) -> None:
        """Nothing: the file is flushed when it is whole."""

    def check(self) -> None:
        """Raise the error that writing met, if any."""
        if self._error is not None:
            raise self._error


def recovery_key(
    name: str,
    settings: Training,
    *,
    data: Mapping[str, str],
    start: str,
    resolved: Mapping[str, str],
) -> str:
    """Everything that the numbers of a training depend on, as 64 hexadecimal digits.

    Args:
        name: of the network.
        settings: how it is trained; those that change no number are left out.
        data: what names the content of each part.
        start: digest of the weights that it starts from.
        resolved: what ``auto`` stands for on this machine: device, precision, memory format; and the CPU's threads.
    """
    import torch
    import torchvision

    parts = {
        "format": FORMAT,
        "name": name,
        "settings": settings.model_dump(mode="json", exclude=set(_FREE_SETTINGS)),
        "data": dict(data),
        "start": start,
        "resolved": dict(resolved),
        "versions": [torch.__version__, torchvision.__version__],
    }
    return hashlib.sha256(repr(sorted(parts.items())).encode()).hexdigest()


def array_digest(array: npt.NDArray[Any]) -> str:
    """The sha256 of an array's type, shape and content, as hexadecimal digits."""
    digest = hashlib.sha256(f"{array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def state_digest(weights: Mapping[str, torch.Tensor] | None) -> str:
    """What a state dict holds, as hexadecimal digits; ``none`` for none."""
    import torch

    if weights is None:
        return "none"
    digest = hashlib.sha256()
    for name, value in weights.items():
        plain = value.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a move in a folder last, where the system can (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
