"""A small study of drawn portraits with a background that gives the class away, and a network trained on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from looks_kedro.portraits import Plant, aligned_face, draw_identity

SIDE = 48


@dataclass(frozen=True)
class Part:
    faces: np.ndarray
    landmarks: np.ndarray
    looks: np.ndarray
    identities: np.ndarray


def drawn_part(people: int, first: int, plants: tuple[Plant, ...] = (), photos: int = 2) -> Part:
    """So many people in each class, with some photos each."""
    drawn, looks, identities = [], [], []
    for person in range(2 * people):
        who = draw_identity(first + person)
        for number in range(photos):
            seed = first + 10 * person + number
            drawn.append(aligned_face(who, seed=seed, looks=person % 2, plants=plants, size=SIDE, zoom=0.75))
            looks.append(person % 2)
            identities.append(f"person {first + person}")
    faces, points = np.stack([one.image for one in drawn]), np.stack([one.landmarks for one in drawn])
    return Part(faces, points, np.array(looks), np.array(identities))


class SmallNetwork(nn.Module):
    """Two convolutions, pooling, and two logits: a network as a user may have it."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 12, 5, 2, 2), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Linear(24, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(images).mean((2, 3)))
        return logits


def trained_network(part: Part, epochs: int = 8) -> SmallNetwork:
    """The network after a few epochs on images in -1..1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SmallNetwork()
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        images = (torch.from_numpy(part.faces).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
        targets = torch.from_numpy(part.looks)
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(16):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(images[rows]), targets[rows]).backward()
                optimizer.step()
    return network
