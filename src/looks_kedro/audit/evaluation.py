"""What models decide when one thing in their images is exchanged.

Edits know no model: each is made once, at the size of the portraits, shrunk once for every size of input there is,
and shown to all models. Only a few batches of them are ever in memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.classifier import Classifier
from looks_kedro.audit.donors import draw_donors
from looks_kedro.audit.interventions.batches import edited_once, resized
from looks_kedro.audit.interventions.channels import CHANNELS, channel_named
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait
from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.audit.reliance import Decisions
from looks_kedro.errors import BadInputError
from looks_kedro.parallel import map_images
from looks_kedro.progress import track

__all__ = ["CONTROL", "chosen_channels", "chosen_rows", "evaluate_channels", "evaluate_unedited"]

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CONTROL = "random_patch"
"""The channel that claims about a part of the face are compared with."""

_WORTH_PROCESSES = 3e8
"""Pixels to edit (about 20 seconds of work) from which starting processes is repaid."""


def chosen_channels(names: Sequence[str] | None, *, mattes: bool) -> list[str]:
    """The channels to try, in the order of tables.

    Args:
        names: those asked for; None for all that can be tried.
        mattes: whether there are good mattes.

    Returns:
        Their names; with a part of the face goes the control.

    Raises:
        BadParameterError: there is no channel of a name.
        BadInputError: a channel that was asked for needs mattes.
    """
    if names is None:
        return [name for name, channel in CHANNELS.items() if mattes or not channel.needs_matte]
    wanted = {channel_named(name).name for name in names}
    lacking = [name for name in wanted if CHANNELS[name].needs_matte and not mattes]
    if lacking:
        raise BadInputError(f"channel {lacking[0]}: it needs good mattes, and there are none. Give mattes.")
    if any(CHANNELS[name].kind == "local" for name in wanted):
        wanted.add(CONTROL)
    return [name for name in CHANNELS if name in wanted]


def chosen_rows(labels: npt.ArrayLike, identities: npt.ArrayLike, most: int | None, seed: int = 0) -> Rows:
    """Images to audit where all would take too long: as many of each class as can be, spread over its people.

    Everybody gives one image before anybody gives a second.

    Args:
        labels: 0 or 1 (N,).
        identities: (N,).
        most: images of both classes together; None takes all.
        seed: decides which people and which of their images.

    Returns:
        Row numbers, rising.
    """
    classes, names = np.asarray(labels), np.asarray(identities).astype(str)
    if most is None or len(classes) <= most:
        return np.arange(len(classes))
    rng = np.random.default_rng([seed, 61])
    orders = []
    for one in (0, 1):
        rows = rng.permutation(np.flatnonzero(classes == one))
        turn = pd.Series(rows).groupby(names[rows]).cumcount().to_numpy()
        orders.append(rows[np.argsort(turn, kind="stable")])
    fewer = int(np.argmin([len(order) for order in orders]))
    count = min(len(orders[fewer]), most // 2)
    taken = {fewer: count, 1 - fewer: most - count}
    chosen: Rows = np.sort(np.concatenate([order[: taken[one]] for one, order in enumerate(orders)]))
    return chosen


def evaluate_unedited(
    models: Mapping[str, Classifier], portraits: PortraitSet, labels: npt.ArrayLike, batch_size: int = 64
) -> dict[str, Flags]:
    """Which decisions of each model are right on the images as they are, (N,) by the model's name."""
    classes = np.asarray(labels)
    right: dict[str, list[Flags]] = {name: [] for name in models}
    starts = range(0, len(portraits), batch_size)
    for start in track(starts, "images as they are", len(starts)):
        rows = range(start, min(start + batch_size, len(portraits)))
        shown = _at_sizes([np.asarray(portraits.faces[row]) for row in rows], models.values(), portraits.side)
        for name, model in models.items():
            right[name].append(model.right(shown[_size(model, portraits.side)], classes[rows.start : rows.stop]))
    return {name: np.concatenate(parts) for name, parts in right.items()}


def evaluate_channels(
    models: Mapping[str, Classifier],
    portraits: PortraitSet,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    *,
    channels: Sequence[str] | None = None,
    recipients: npt.ArrayLike | None = None,
    draws: int = 2,
    seed: int = 0,
    batch_size: int = 64,
    processes: int | None = 1,
    description: str = "exchanging",
) -> dict[str, list[Decisions]]:
    """Exchange every channel on every image, and see which decisions stay right.

    An image gets ``draws`` donors of its own class and as many of the other; all channels get the same ones, so that
    they can be compared, but for those that need mattes, whose donors must have one. The balanced donors are the own
    class's and the other's together, each class one half: nothing but the other class's values is new in them.

    Args:
        models: by name.
        portraits: the test's images.
        labels: 0 or 1 (N,).
        identities: (N,) who is shown; nobody is a donor of their own image.
        channels: names; None for all that can be tried.
        recipients: rows whose images are edited; None for all. Donors come from all.
        draws: donors of each class for an image.
        seed: of the donors; with one seed everything is the same whatever the number of processes.
        batch_size: edited images in memory at a time, about; models may take fewer at a time.
        processes: that make the edits; None takes one a core where the work is worth it.
        description: words in front of the progress bar.

    Returns:
        By the model's name one ``Decisions`` a channel, in the order of tables, with the same donors for all models.

    Raises:
        BadInputError: a channel needs mattes where none is good, or a channel is left without images of both classes.
    """
    classes = np.asarray(labels)
    names = chosen_channels(channels, mattes=bool(portraits.with_matte.any()))
    edited = np.ones(len(portraits), dtype=np.bool_)
    if recipients is not None:
        edited = np.isin(np.arange(len(portraits)), np.asarray(recipients))
    found: dict[str, dict[str, Decisions]] = {name: {} for name in models}
    for needs_matte in (False, True):
        group = [name for name in names if CHANNELS[name].needs_matte == needs_matte]
        if not group:
            continue
        usable = portraits.with_matte if needs_matte else None
        # What no edit looks at need not be read and sent to processes.
        seen = portraits if needs_matte else replace(portraits, mattes=None, good=None)
        plan = _plan(classes, identities, edited, usable, draws, seed, group[0])
        work = partial(_answers, models, seen, group, plan, classes, batch_size, processes)
        right = work(f"{description} {'behind the person' if needs_matte else ''}".strip())
        for name in models:
            for place, channel in enumerate(group):
                found[name][channel] = plan.decisions(CHANNELS[channel], right[name][:, place])
    return {name: [by_channel[channel] for channel in names] for name, by_channel in found.items()}


@dataclass(frozen=True, eq=False)
class _Plan:
    """Whose images are edited, (n,), and with which donors, (draws, n) of each class."""

    rows: Rows
    same: Rows
    other: Rows

    def pairs(self) -> list[tuple[int, int]]:
        """Recipient and donor of every edit, those with donors of the own class first."""
        donors = np.concatenate([self.same, self.other])
        return list(zip(np.tile(self.rows, len(donors)).tolist(), donors.ravel().tolist(), strict=True))

    def decisions(self, channel: Channel, right: Flags) -> Decisions:
        """One channel's decisions, from whether each pair's was right."""
        same, other = right.reshape(2, len(self.same), len(self.rows)).transpose(0, 2, 1)
        own, both = self.same.T, np.concatenate([self.same, self.other]).T
        return Decisions(
            channel.name,
            channel.kind,
            np.hstack([same, same]),
            np.hstack([same, other]),
            self.rows,
            np.hstack([own, own]),
            both,
        )


def _plan(
    classes: npt.NDArray[Any],
    identities: npt.ArrayLike,
    edited: Flags,
    usable: Flags | None,
    draws: int,
    seed: int,
    channel: str,
) -> _Plan:
    donors = draw_donors(classes, np.asarray(identities).astype(str), draws=draws, seed=seed, usable=usable)
    kept = edited[donors.recipients]
    rows = donors.recipients[kept]
    if set(np.unique(classes[rows]).tolist()) != {0, 1}:
        told = "with a good matte " if usable is not None else ""
        raise BadInputError(
            f"channel {channel}: expected images {told}of both classes, each with somebody else in either class to "
            f"take from; found {len(rows)} such images. Give more people, or leave the channel out."
        )
    return _Plan(rows, donors.same[:, kept], donors.other[:, kept])


@dataclass(frozen=True, eq=False)
class _Job:
    """All channels' edits of one pair, as they travel to a process; channels go by name."""

    name: str
    channels: tuple[str, ...]
    recipient: Portrait
    donor: Portrait
    sizes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Jobs:
    """The jobs one after the other, read when they are asked for."""

    portraits: PortraitSet
    pairs: Sequence[tuple[int, int]]
    channels: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[_Job]:
        for recipient, donor in self.pairs:
            both = self.portraits.portrait(recipient), self.portraits.portrait(donor)
            yield _Job(f"image {recipient} with donor {donor}", self.channels, *both, self.sizes)


def _edit(job: _Job) -> list[list[Image]]:
    """The edits of one pair: a list of channels for each size."""
    edits = [edited_once(channel_named(name), job.recipient, job.donor) for name in job.channels]
    return [[resized(image, size) for image in edits] for size in job.sizes]


def _answers(
    models: Mapping[str, Classifier],
    portraits: PortraitSet,
    channels: Sequence[str],
    plan: _Plan,
    classes: npt.NDArray[Any],
    batch_size: int,
    processes: int | None,
    description: str,
) -> dict[str, Flags]:
    """Whether each model is right on each pair and channel, (pairs, channels)."""
    sizes = tuple(dict.fromkeys(_size(model, portraits.side) for model in models.values()))
    pairs = plan.pairs()
    if processes is None and len(pairs) * len(channels) * portraits.side**2 < _WORTH_PROCESSES:
        processes = 1
    jobs = _Jobs(portraits, pairs, tuple(channels), sizes)
    # Few jobs a parcel: each comes back with an image for every channel and size.
    edits = iter(map_images(_edit, jobs, processes=processes, description=description, chunk_size=2))
    labels = classes[[recipient for recipient, _ in pairs]]
    right = {name: np.empty((len(pairs), len(channels)), dtype=np.bool_) for name in models}
    step, done = max(1, batch_size // len(channels)), 0
    while batch := list(itertools.islice(edits, step)):
        wanted = np.repeat(labels[done : done + len(batch)], len(channels))
        for place, size in enumerate(sizes):
            images = np.stack([image for job in batch for image in job[place]])
            for name, model in models.items():
                if _size(model, portraits.side) == size:
                    said = model.right(images, wanted).reshape(len(batch), len(channels))
                    right[name][done : done + len(batch)] = said
        done += len(batch)
    return right


def _size(model: Classifier, side: int) -> int:
    return side if model.image_size is None else model.image_size


def _at_sizes(images: Sequence[Image], models: Iterable[Classifier], side: int) -> dict[int, Image]:
    """A batch at every size that a model takes."""
    sizes = {_size(model, side) for model in models}
    return {size: np.stack([resized(image, size) for image in images]) for size in sizes}
