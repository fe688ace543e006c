"""Parameters of the acquisition pipeline."""

from typing import Literal

from pydantic import BaseModel, Field

from looks_kedro.portraits import PhotoSet
from looks_kedro.sources.bing import BingSearch
from looks_kedro.sources.commons import CommonsSearch
from looks_kedro.sources.huggingface import FairFaceSource
from looks_kedro.sources.web_settings import Web

Source = Literal["folder", "synthetic", "bing", "commons", "huggingface"]


class ClassSource(BaseModel, extra="forbid", frozen=True):
    """Where the portraits of one class come from."""

    source: Source = Field("folder", description="bing and commons search the people of people.csv")
    path: str | None = Field(
        None, description="folder: the images, or FairFace's zips; huggingface: parquet shards, null downloads them"
    )
    labels: str | None = Field(None, description="a table with file, age, gender, race and optionally identity")
    limit: int | None = Field(None, ge=1, description="take at most so many images, spread evenly; null takes all")


class Acquisition(BaseModel, extra="forbid", frozen=True):
    """Sources of both classes, and the settings of each kind of source."""

    celebrities: ClassSource
    ordinary: ClassSource
    synthetic: PhotoSet = Field(description="what the portrait studio draws, for source: synthetic")
    bing: BingSearch = BingSearch()
    commons: CommonsSearch = CommonsSearch()
    huggingface: FairFaceSource = FairFaceSource()
    web: Web = Field(Web(), description="how addresses are fetched, for bing, commons and the weights")
    max_pixels: int = Field(100_000_000, ge=1, description="larger images from the web are refused")
    refresh: bool = Field(False, description="search again for people whose search was completed before")
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")
