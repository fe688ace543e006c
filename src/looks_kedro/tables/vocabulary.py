"""Words and names that the tables share: FairFace's attributes, and the columns of landmarks."""

from typing import Literal

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
"""Age groups of FairFace, in the order of its network's logits."""
GENDERS = ("Male", "Female")
"""Genders of FairFace, in the order of its network's logits."""
RACES = ("White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern")
"""Races of FairFace, in the order of its network's logits."""

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
LANDMARKS = tuple(f"{point}_{axis}" for point in _POINTS for axis in "xy")
"""Columns of the five landmarks; left and right as seen in the image."""
CROP_LANDMARKS = tuple(f"crop_{name}" for name in LANDMARKS)
"""The same five landmarks in pixels of the aligned 300 x 300 face."""

Kind = Literal["text", "whole", "number", "flag"]
"""What a column holds: text, int64, float64 or bool."""
