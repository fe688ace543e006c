"""The settings of training and the package's light import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from looks_kedro.learning import Training
from looks_kedro.learning.settings import Augmentation


def test_the_defaults_are_those_of_the_study() -> None:
    settings = Training()
    assert (settings.epochs, settings.batch_size, settings.workers, settings.image_size) == (10, 32, 2, 224)
    assert (settings.optimizer, settings.learning_rate, settings.weight_decay) == ("adam", 1e-4, 0)


def test_what_the_study_did_not_do_is_off() -> None:
    settings = Training()
    assert settings.augmentation.off
    assert (settings.schedule, settings.warmup_epochs, settings.label_smoothing) == ("constant", 0, 0)
    assert (settings.validation_fraction, settings.early_stop, settings.frozen_trunk) == (0, None, False)
    assert (settings.compile, settings.devices) == (False, 1)


def test_any_variation_switches_augmentation_on() -> None:
    for name in Augmentation.model_fields:
        assert not Augmentation.model_validate({name: 0.5}).off


def test_an_early_stop_without_anything_to_watch_is_refused() -> None:
    with pytest.raises(ValidationError, match="set validation_fraction"):
        Training(early_stop=3)
    assert Training(early_stop=3, validation_fraction=0.1).early_stop == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 3},
        {"epochs": 0},
        {"device": "gpu"},
        {"alpha_colour": (0, 0, 300)},
        {"label_smoothing": 1.0},
        {"validation_fraction": 0.6},
        {"precision": "16"},
        {"augmentation": {"mirrored": 0.5}},
        {"batch_size": 4, "devices": 3},
        {"epochs": True},
        {"early_stop": True, "validation_fraction": 0.1},
        {"workers": True},
        {"threads": False},
        {"warmup_epochs": 10},
        {"warmup_epochs": float("inf")},
        {"learning_rate": float("inf")},
        {"weight_decay": float("inf")},
        {"seed": 2**32},
    ],
)
def test_a_misspelt_or_impossible_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Training.model_validate(wrong)


def test_no_bound_on_the_disk_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValidationError, match="more than the disk has"):
        Training(array_gigabytes=float("inf"))


def test_an_empty_setting_of_whole_numbers_is_none() -> None:
    assert Training(threads=None, early_stop=None) == Training()


def test_importing_the_packages_loads_no_torch() -> None:
    code = "import sys, looks_kedro.learning, looks_kedro.cam; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_lines_number_32_is_a_precision():
    assert Training.model_validate({"precision": 32}).precision == "32"
