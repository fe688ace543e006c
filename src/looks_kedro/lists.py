"""Lists as the command line can write them: ``--params`` splits at commas, so their items are joined by ``+``."""

from __future__ import annotations

from pydantic import BeforeValidator


def split_at_plus(value: object) -> object:
    """Read ``resnet18+custom`` as a list of two; anything but text passes unchanged."""
    if not isinstance(value, str):
        return value
    return [item.strip() for item in value.split("+") if item.strip()]


PlusList = BeforeValidator(split_at_plus)
"""For ``Annotated[tuple[...], PlusList]``."""
