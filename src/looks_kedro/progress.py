"""One way to show progress: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(iterable: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Pass an iterable through, with a progress bar when standard error is a terminal.

    Args:
        iterable: what is worked through.
        description: words in front of the bar.
        total: number of items, where the iterable has no length.

    Returns:
        The same items in the same order.
    """
    bar: Iterable[T] = tqdm(
        iterable, desc=description, total=total, disable=not sys.stderr.isatty(), dynamic_ncols=True, leave=False
    )
    return bar
