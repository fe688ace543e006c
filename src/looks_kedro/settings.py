"""Project settings that Kedro reads."""

from looks_kedro.hooks import MlflowHooks, ParameterHooks, RecoveryHooks, RunManifestHooks, SummaryHooks


def place(default: str, study: str | None) -> str:
    """The folder of a study: what the environment says, or ``data/NAME`` for ``--params study=NAME``.

    Args:
        default: the folder from the environment's ``globals.yml``.
        study: the name given at run time, if any.

    Returns:
        A folder, relative to the project's.
    """
    return default if study in (None, "") else f"data/{study}"


# Called from the last to the first: the manifest is written before the summary points to it.
_parameters = ParameterHooks()
HOOKS = (_parameters, SummaryHooks(), RunManifestHooks(_parameters), RecoveryHooks(), MlflowHooks())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only what differs, down to a single key.
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
    "custom_resolvers": {"place": place},
}
