"""Networks of all kinds as one callable, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from looks_kedro.audit import as_classifier
from looks_kedro.audit.classifier import IMAGENET_MEAN, IMAGENET_STD
from looks_kedro.errors import BadInputError, BadParameterError

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)


class MeanColour(nn.Module):
    """Logits that are linear in the mean of each colour, so that NumPy can tell what they must be."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.norm(images.mean((2, 3))))
        return logits


def test_a_module_sees_normalised_images() -> None:
    network = MeanColour()
    means = (IMAGES.reshape(11, -1, 3).mean(axis=1) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    weight, bias = (part.detach().numpy() for part in (network.head.weight, network.head.bias))
    expected = means / np.sqrt(1 + network.norm.eps) @ weight.T + bias
    found = as_classifier(network, batch_size=4)(IMAGES)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_module_is_left_as_it_was() -> None:
    network = MeanColour()
    network.norm.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    as_classifier(network)(IMAGES)
    assert network.training
    assert network.head.training
    assert not network.norm.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_one_logit_speaks_for_class_1_where_it_is_positive() -> None:
    network = MeanColour(outputs=1)
    single = network.eval()(torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 255).detach().numpy()[:, 0]
    classifier = as_classifier(network, mean=(0, 0, 0), std=(1, 1, 1))
    assert (classifier(IMAGES)[:, 1] - classifier(IMAGES)[:, 0]) == pytest.approx(single, abs=1e-5)
    assert classifier.right(IMAGES, np.ones(11, int)).tolist() == (single > 0).tolist()


def test_a_callable_sees_the_images_as_they_are_in_small_batches_and_at_its_size() -> None:
    seen: list[np.ndarray] = []

    def model(images: np.ndarray) -> Any:
        seen.append(images)
        return SimpleNamespace(logits=torch.stack([torch.zeros(len(images)), torch.ones(len(images))], dim=1))

    assert as_classifier(model, image_size=4, batch_size=5)(IMAGES).tolist() == [[0, 1]] * 11
    assert [one.shape for one in seen] == [(5, 4, 4, 3), (5, 4, 4, 3), (1, 4, 4, 3)]
    averages = IMAGES.reshape(11, 4, 2, 4, 2, 3).mean(axis=(2, 4))
    assert np.abs(np.concatenate(seen) - averages).max() <= 0.75


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda images: np.zeros((len(images), 18)), r"shape \(11, 18\).*two logits.*of more classes"),
        (lambda images: np.zeros((3, 2)), r"shape \(3, 2\) for 11 images.*one row for each"),
        (lambda images: (np.zeros((len(images), 2)),), "gave tuple"),
        (lambda images: np.full((len(images), 2), np.nan), r"nan.*image 0.*finite"),
        (lambda images: np.linspace(0.1, 0.9, len(images)), "look like probabilities"),
    ],
)
def test_what_are_no_logits_is_refused(answer: Any, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        as_classifier(answer)(IMAGES)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(BadParameterError, match="state dict"):
        as_classifier(MeanColour().state_dict())
    with pytest.raises(BadParameterError, match="three numbers"):
        as_classifier(MeanColour(), mean=(0.5,))
    with pytest.raises(BadParameterError, match="image_size 0"):
        as_classifier(MeanColour(), image_size=0)
