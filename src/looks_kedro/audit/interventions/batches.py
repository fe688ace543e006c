"""Edits of many portraits, a batch at a time, in several processes where that pays.

No model is known here: what comes out can be shown to as many models as there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.channels import channel_named
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait
from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.errors import BadInputError
from looks_kedro.parallel import map_images

__all__ = ["edited", "edited_once", "resized"]

Rows = npt.NDArray[np.int64]

_WORTH_PROCESSES = 3e8
"""Pixels to edit (about 20 seconds of work) from which starting processes is repaid."""


@dataclass(frozen=True, eq=False)
class _Job:
    """One edit, as it travels to a process; channels go by name, because functions bound to values do not."""

    name: str
    channel: str
    recipient: Portrait
    donor: Portrait
    size: int


def edited(
    portraits: PortraitSet,
    donors: Rows,
    channel: str | Channel,
    *,
    recipients: Rows | None = None,
    size: int | None = None,
    batch_size: int = 128,
    processes: int | None = None,
    description: str = "",
) -> Iterator[Image]:
    """Give recipients the channel's value of their donors.

    Args:
        portraits: recipients and donors alike.
        donors: (n,) row of each recipient's donor.
        channel: by name, or as it is (then in this process only, unless it is one of ``CHANNELS``).
        recipients: (n,) rows; None for all portraits in their order.
        size: side of the images that come out, a model's input; None keeps the portraits' own. Shrunk by area
            averages, as training images are.
        batch_size: images in an array, at most.
        processes: worker processes; None chooses: one while the work is short, else one a core.
        description: words in front of a progress bar; empty for none.

    Returns:
        An iterator of uint8 (b, size, size, 3), together n images in the recipients' order.

    Raises:
        BadInputError: a row is not one of the portraits', there are not as many donors as recipients, or the channel
            needs a good matte where there is none; all before the first edit.
        BadParameterError: there is no channel of that name.
    """
    wanted = channel_named(channel) if isinstance(channel, str) else channel
    rows = np.arange(len(portraits)) if recipients is None else np.asarray(recipients)
    given = np.asarray(donors)
    _check(portraits, rows, given, wanted)
    side = portraits.side if size is None else int(size)
    registered = isinstance(channel, str)
    if not registered or (processes is None and len(rows) * portraits.side**2 < _WORTH_PROCESSES):
        processes = 1
    work: Callable[[_Job], Image] = _do if registered else _Bound(wanted)
    jobs = _Jobs(portraits, rows, given, wanted.name, side)
    return _in_batches(map_images(work, jobs, processes=processes, description=description), batch_size)


def edited_once(channel: Channel, recipient: Portrait, donor: Portrait, size: int | None = None) -> Image:
    """One edit, resized: what :func:`edited` does for each row."""
    return resized(channel.edit(recipient, donor), recipient.pixels.shape[0] if size is None else size)


def resized(image: Image, size: int) -> Image:
    """A square image at another side: area averages where it shrinks, bilinear where it grows."""
    import cv2

    if image.shape[0] == size:
        return image
    way = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=way), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class _Jobs:
    """The edits one after the other; with a length, so that progress can be told."""

    portraits: PortraitSet
    recipients: Rows
    donors: Rows
    channel: str
    size: int

    def __len__(self) -> int:
        return len(self.recipients)

    def __iter__(self) -> Iterator[_Job]:
        for recipient, donor in zip(self.recipients.tolist(), self.donors.tolist(), strict=True):
            name = f"{self.channel} of image {recipient} from image {donor}"
            pair = self.portraits.portrait(recipient), self.portraits.portrait(donor)
            yield _Job(name, self.channel, *pair, self.size)


@dataclass(frozen=True)
class _Bound:
    """The work with a channel that is in no list."""

    channel: Channel

    def __call__(self, job: _Job) -> Image:
        return edited_once(self.channel, job.recipient, job.donor, job.size)


def _do(job: _Job) -> Image:
    return edited_once(channel_named(job.channel), job.recipient, job.donor, job.size)


def _in_batches(images: Iterable[Image], batch_size: int) -> Iterator[Image]:
    waiting: list[Image] = []
    for image in images:
        waiting.append(image)
        if len(waiting) == batch_size:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


def _check(portraits: PortraitSet, recipients: Rows, donors: Rows, channel: Channel) -> None:
    if recipients.shape != donors.shape or recipients.ndim != 1:
        raise BadInputError(
            f"donors: expected one row number for each of {recipients.shape} recipients; found {donors.shape}."
        )
    for name, rows in (("recipients", recipients), ("donors", donors)):
        wrong: Sequence[int] = rows[(rows < 0) | (rows >= len(portraits))].tolist()
        if wrong:
            raise BadInputError(
                f"{name}: expected row numbers from 0 to {len(portraits) - 1}; found {wrong[0]}. "
                "Leave out the recipients for which no donor was found."
            )
        if channel.needs_matte:
            lacking = rows[~portraits.with_matte[rows]]
            if len(lacking):
                raise BadInputError(
                    f"channel {channel.name}: image {int(lacking[0])} among the {name} has no good matte "
                    f"({len(lacking)} such). Draw recipients and donors from those that have one."
                )
