"""The settings of training and the package's light import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from looks_kedro.learning import Training


def test_the_defaults_are_those_of_the_study() -> None:
    settings = Training()
    assert (settings.epochs, settings.batch_size, settings.workers, settings.image_size) == (10, 32, 2, 224)
    assert (settings.optimizer, settings.learning_rate, settings.weight_decay) == ("adam", 1e-4, 0)


@pytest.mark.parametrize("wrong", [{"epoch": 3}, {"epochs": 0}, {"device": "gpu"}, {"alpha_colour": (0, 0, 300)}])
def test_a_misspelt_or_impossible_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Training.model_validate(wrong)


def test_importing_the_packages_loads_no_torch() -> None:
    code = "import sys, looks_kedro.learning, looks_kedro.cam; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
