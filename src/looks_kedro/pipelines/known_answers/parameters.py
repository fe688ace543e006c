"""Parameters of the known-answers pipeline."""

from looks_kedro.known_answers.settings import KnownAnswers

__all__ = ["KnownAnswers"]
