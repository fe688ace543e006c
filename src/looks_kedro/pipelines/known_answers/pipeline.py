"""Wiring of the known-answers pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import score_cases, try_cases


def create_pipeline() -> Pipeline:
    """Planted portraits to what the audit says of networks trained on them, and how often it is right."""
    outputs = ["known_cases", "known_scores", "known_confusion", "known_wrong", "known_answers_figure"]
    return Pipeline(
        [
            Node(try_cases, ["params:known_answers", "known_case_files"], "known_records", name="try_cases"),
            Node(score_cases, "known_records", outputs, name="score_cases"),
        ],
        tags="known_answers",
    )
