"""When to stop, and which epoch was the best, by the loss on the validation part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from looks_kedro.errors import BadInputError

__all__ = ["EarlyStop"]


@dataclass
class EarlyStop:
    """Watches the validation loss; the caller keeps the weights of the best epoch.

    Attributes:
        patience: epochs without a lower loss after which it stops; none never stops.
        best_epoch: epoch (from 1) of the lowest loss, the first of equal ones; 0 before any.
        best_loss: its loss; infinity before any.
        last_epoch: epoch that was told last.
    """

    patience: int | None = None
    best_epoch: int = 0
    best_loss: float = math.inf
    last_epoch: int = 0

    def update(self, epoch: int, loss: float) -> bool:
        """Take the loss of an epoch.

        Args:
            epoch: its number, from 1.
            loss: on the validation part; one that is not a number is never the best.

        Returns:
            Whether it is lower than every loss before: then its weights are those to keep.
        """
        self.last_epoch = epoch
        if not loss < self.best_loss:
            return False
        self.best_epoch, self.best_loss = epoch, loss
        return True

    @property
    def stop(self) -> bool:
        """Whether ``patience`` epochs have passed without a lower loss."""
        return self.patience is not None and self.last_epoch - self.best_epoch >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must know, in plain numbers; the patience is the settings' own."""
        return {"best_epoch": self.best_epoch, "best_loss": self.best_loss, "last_epoch": self.last_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave.

        Raises:
            BadInputError: the state is of something else.
        """
        expected, found = (", ".join(names) for names in (self.state_dict(), state))
        if set(state) != set(self.state_dict()):
            raise BadInputError(f"state of early stopping: expected {expected}; found {found or 'nothing'}")
        self.best_epoch, self.last_epoch = int(state["best_epoch"]), int(state["last_epoch"])
        self.best_loss = float(state["best_loss"])
