"""How well the drawn portraits stand for photos: `make bench`. Figures are logged."""

from __future__ import annotations

import logging

import numpy as np

from looks_kedro.faces import FaceDetector, head_pose
from looks_kedro.portraits import draw_identity, take_photo

log = logging.getLogger("bench")


def test_the_detector_finds_drawn_frontal_faces_where_they_are():
    detector = FaceDetector()
    found, errors, yaws = 0, [], []
    photos = [take_photo(draw_identity(5000 + i), seed=i, looks=i % 2) for i in range(300)]
    frontal = [photo for photo in photos if abs(photo.yaw) <= 30]
    for photo in frontal:
        faces = [face for face in detector.detect(photo.image) if face.probability >= 0.9]
        if not faces:
            continue
        found += 1
        errors.append(np.linalg.norm(faces[0].landmarks - photo.landmarks, axis=1) / faces[0].width)
        yaws.append((photo.yaw, head_pose(faces[0].landmarks, photo.image.shape[1::-1])[0]))
    medians = ", ".join(f"{100 * value:.1f}" for value in np.median(errors, axis=0))
    log.info("side views: %d of %d photos turn beyond 30 degrees", len(photos) - len(frontal), len(photos))
    log.info("faces found: %d of %d frontal photos (goal 97 %%)", found, len(frontal))
    log.info("median landmark error in %% of the face's width: %s (goal 5)", medians)
    log.info("correlation of the estimated yaw with the true one: %.3f", np.corrcoef(np.array(yaws).T)[0, 1])
    assert found >= 0.97 * len(frontal)
    assert np.median(errors, axis=0).max() < 0.05
