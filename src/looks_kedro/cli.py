"""The project's own ``kedro run``: the same command, but what the user can mend is told in one message."""

from __future__ import annotations

import copy
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from looks_kedro.errors import LooksError


class _PlainErrors(click.Command):
    """A command that ends with a message, not a traceback, when the error is the user's to mend."""

    def invoke(self, ctx: click.Context) -> Any:
        from kedro.config import MissingConfigException
        from kedro.framework.session.abstract_session import KedroSessionError
        from kedro.io import DatasetError
        from kedro.validation.exceptions import ParameterValidationError

        if ctx.params.get("namespaces") and not (ctx.params.get("pipelines") or ctx.params.get("pipeline")):
            # A variant or a cell by its name, whether a plain run has it or not.
            ctx.params["pipelines"] = ["full"]
        try:
            with _told_once():
                return super().invoke(ctx)
        except (LooksError, ParameterValidationError, KedroSessionError) as error:
            raise click.ClickException(str(error)) from error
        except MissingConfigException as error:
            raise click.ClickException(f"{error}\nEnvironments of this project: {_environments()}.") from error
        except DatasetError as error:
            raise click.ClickException(_dataset_message(error)) from error
        except ValueError as error:
            # A pipeline, tag, node or namespace that does not exist.
            if not _raised_by_kedro(error):
                raise
            raise click.ClickException(str(error)) from error


@contextmanager
def _told_once() -> Iterator[None]:
    """Keep Kedro from logging an error of the user's that the command is about to tell."""

    def is_news(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR or not isinstance(sys.exc_info()[1], LooksError)

    def is_useful(record: logging.LogRecord) -> bool:
        return "No nodes ran" not in record.getMessage()

    filters = {"kedro.pipeline.node": is_news, "kedro.runner.sequential_runner": is_useful}
    for name, rule in filters.items():
        logging.getLogger(name).addFilter(rule)
    try:
        yield
    finally:
        for name, rule in filters.items():
            logging.getLogger(name).removeFilter(rule)


def _raised_by_kedro(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return "kedro" in Path(frames[-1].filename).parts


def _environments() -> str:
    from kedro.framework.project import settings

    conf = Path(settings.CONF_SOURCE)
    return ", ".join(sorted(folder.name for folder in conf.iterdir() if folder.is_dir())) if conf.is_dir() else "none"


def _dataset_message(error: BaseException) -> str:
    # Our own datasets say what to do; Kedro wraps their errors.
    causes = [error, error.__cause__, error.__context__]
    ours = [cause for cause in causes if isinstance(cause, LooksError)]
    if ours:
        return str(ours[0])
    return (
        f"{error}\nIf nothing was saved there yet, run the pipelines before this one first "
        "(`kedro registry list` names them; `kedro run` runs all)."
    )


run = copy.copy(kedro_run)
run.__class__ = _PlainErrors


@click.group(name="looks_kedro")
def cli() -> None:
    """Commands of this project."""


cli.add_command(run)
