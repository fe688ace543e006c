"""How many foreign faces the identity check finds: `make bench`. Figures are logged.

The published embedding network cannot be part of a bench that runs offline. A small network stands in for it, trained
here on invented people and tried on other ones; the check itself is the project's own.
"""

from __future__ import annotations

import logging
import time

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from looks_kedro.faces.same_person import SamePerson, other_people
from looks_kedro.parallel import map_images
from looks_kedro.portraits import aligned_face, draw_identity

log = logging.getLogger("bench")

SIDE = 64
TRAINING_PEOPLE, TRAINING_PHOTOS, EPOCHS = 150, 10, 10
PEOPLE, PHOTOS, PLANTED = 8, 60, 40


def draw(task: tuple[int, int]) -> npt.NDArray[np.uint8]:
    person, photo = task
    return aligned_face(draw_identity(person), seed=photo, looks=1, size=SIDE).image


def photos_of(people: range, photos: int) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
    """Pictures (N, 3, S, S) in -1..1, and who they show."""
    tasks = [(person, person * 1000 + photo) for person in people for photo in range(photos)]
    pictures = np.stack(list(map_images(draw, tasks, processes=2, chunk_size=32)))
    shown = np.array([person - people.start for person, _ in tasks])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0, shown


def small_network() -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128), (128, 192)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(192 * (SIDE // 16) ** 2, 128), nn.BatchNorm1d(128))


def train(pictures: torch.Tensor, shown: npt.NDArray[np.int64]) -> nn.Module:
    """Teach embeddings by their cosines to one direction a person, with a margin (CosFace, Wang et al., 2018)."""
    torch.manual_seed(0)
    network, people = small_network(), nn.Parameter(torch.randn(int(shown.max()) + 1, 128))
    steps = EPOCHS * -(-len(pictures) // 64)
    optimiser = torch.optim.AdamW([*network.parameters(), people], lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    targets = torch.from_numpy(shown)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(pictures)).split(64):
            batch = pictures[rows]
            batch = batch.flip(3) if torch.rand(()) < 0.5 else batch
            batch = batch.roll(tuple(int(i) for i in torch.randint(-3, 4, (2,))), (2, 3))
            cosines = nn.functional.normalize(network(batch)) @ nn.functional.normalize(people).T
            margin = 0.25 * nn.functional.one_hot(targets[rows], len(people))
            loss = nn.functional.cross_entropy(20.0 * (cosines - margin), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


@pytest.fixture(scope="module")
def embedded() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Embeddings of people that the network has not seen, and who they are."""
    began = time.perf_counter()
    network = train(*photos_of(range(50_000, 50_000 + TRAINING_PEOPLE), TRAINING_PHOTOS))
    pictures, shown = photos_of(range(60_000, 60_000 + PEOPLE), PHOTOS)
    with torch.inference_mode():
        embeddings = nn.functional.normalize(network(pictures)).double().numpy()
    likeness = embeddings @ embeddings.T
    same = shown[:, None] == shown
    pairs = ~np.eye(len(shown), dtype=bool)
    log.info(
        "stand-in network: trained in %.0f s; distance of two photos of one person %.2f (95 of 100 below %.2f), "
        "of two persons %.2f (95 of 100 above %.2f)",
        time.perf_counter() - began,
        1 - np.median(likeness[same & pairs]),
        1 - np.quantile(likeness[same & pairs], 0.05),
        1 - np.median(likeness[~same]),
        1 - np.quantile(likeness[~same], 0.95),
    )
    return embeddings, shown


def report(what: str, embeddings: npt.NDArray[np.float64], said: list[str], planted: npt.NDArray[np.bool_]) -> float:
    """Log what is found among the planted ones; gives the share found."""
    judgement = other_people(embeddings, said, SamePerson())
    found, wrongly = judgement.others & planted, judgement.others & ~planted
    named = sum("nearer to" in judgement.details[row] for row in np.flatnonzero(found))
    log.info(
        "%s: %d of %d planted faces found, %d of them said to be nearer to another; %d of %d own photos wrongly "
        "rejected (%.1f %%)",
        what,
        found.sum(),
        planted.sum(),
        named,
        wrongly.sum(),
        (~planted).sum(),
        100 * wrongly.sum() / (~planted).sum(),
    )
    assert wrongly.sum() <= 0.05 * (~planted).sum()
    return float(found.sum() / planted.sum())


def test_planted_faces_of_the_next_person_are_found(embedded: tuple[np.ndarray, np.ndarray]):
    """From each of 8 folders 5 of 60 photos are moved to the next one."""
    embeddings, shown = embedded
    planted = np.arange(len(shown)) % PHOTOS < PLANTED // PEOPLE
    said = [f"person {(who + moved) % PEOPLE}" for who, moved in zip(shown, planted, strict=True)]
    assert report("40 planted, 5 in each of 8 folders", embeddings, said, planted) > 0.9


def test_forty_faces_of_one_person_in_the_folder_of_another_are_found(embedded: tuple[np.ndarray, np.ndarray]):
    """40 photos of A among the 60 of B, two fifths of that folder, while nothing else of A is known."""
    embeddings, shown = embedded
    planted = np.flatnonzero(shown == 0)[:PLANTED]
    rows = np.concatenate([planted, np.flatnonzero(shown > 0)])
    said = [f"person {max(who, 1)}" for who in shown[rows]]
    share = report("40 planted, all of one person in one folder", embeddings[rows], said, rows < PHOTOS)
    assert share > 0.9


def test_forty_faces_of_strangers_in_the_folder_of_one_person_are_found(embedded: tuple[np.ndarray, np.ndarray]):
    """40 photos of seven others, nobody's folder, among the 60 of one person."""
    embeddings, shown = embedded
    own = np.flatnonzero(shown == 0)
    planted = np.random.default_rng(0).choice(np.flatnonzero(shown > 0), PLANTED, replace=False)
    rows = np.concatenate([own, planted])
    share = report(
        "40 planted, of seven strangers in one folder", embeddings[rows], ["person 0"] * 100, shown[rows] > 0
    )
    assert share > 0.9
