"""Mattes by the networks of rembg: U-2-Net (Qin et al., 2020) and BiRefNet (Zheng et al., 2024), on this machine alone.

rembg's default model may not be used commercially, and two of its models send images to paid services; so a model is
always named, and only local ones can be named. It never downloads anything here: weights come from our folder.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError, BadParameterError

if TYPE_CHECKING:
    from onnxruntime import SessionOptions

log = logging.getLogger(__name__)

Model = Literal["u2net_human_seg", "u2netp", "birefnet-portrait", "u2net_custom"]
Device = Literal["auto", "cpu", "cuda"]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class RembgMatte:
    """One model, loaded once and used for many faces.

    Args:
        model: the network; ``u2net_custom`` is a network of U-2-Net's input and output from a file.
        weights: its file, see :func:`weights_of`.
        device: where it runs; ``auto`` takes CUDA where ONNX Runtime has it. On the CPU it uses one thread, so that
            several processes do not stand in each other's way.

    Raises:
        BadInputError: the file cannot be read as a network.
        BadParameterError: ``cuda`` is asked for, and ONNX Runtime cannot use it.
    """

    def __init__(self, model: Model, weights: Path, device: Device = "auto") -> None:
        self.model = model
        self.device = device_of(device)
        options = _options(self.device)
        providers = [_CUDA, _CPU] if self.device == "cuda" else [_CPU]
        try:
            with warnings.catch_warnings():
                # A provider that cannot start is told below, in our words.
                warnings.simplefilter("ignore", RuntimeWarning)
                self._session: Any = _local_class(model, weights)(model, options, providers=providers)
        except Exception as error:  # ONNX Runtime's own exceptions have no common class
            raise BadInputError(
                f"{weights}: expected the network {model} in ONNX format, found {weights.stat().st_size:,} bytes that "
                f"ONNX Runtime refuses ({str(error).strip().splitlines()[0][:200]}). Remove the file and fetch it "
                f"again: {_command(model)}"
            ) from error
        if self.device == "cuda" and _CUDA not in self._session.inner_session.get_providers():
            if device == "cuda":
                raise BadParameterError(
                    "device is cuda, but ONNX Runtime could not start CUDA, most often because CUDA or cuDNN is "
                    "missing or of another version. Install what `onnxruntime-gpu` needs, or set device to cpu."
                )
            log.warning("ONNX Runtime could not start CUDA; mattes are made on the CPU.")
            self.device = "cpu"

    def matte(self, face: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Cut a person out: one pass of the network, nothing smoothed or refined afterwards.

        rembg stretches each mask to the whole range, so **a picture without a person has a matte too**: judge every
        matte with ``matte_quality``.

        Args:
            face: (H, W, 3) uint8 RGB.

        Returns:
            (H, W) uint8, 255 where the person is; all 0 where the network says the same of every pixel.
        """
        from PIL import Image

        with np.errstate(invalid="ignore", divide="ignore"):
            mask = self._session.predict(Image.fromarray(np.ascontiguousarray(face)))[0]
        return np.asarray(mask.convert("L"), dtype=np.uint8)


def weights_of(model: Model, folder: Path, custom: str | None = None) -> Path:
    """The file of a model in the folder of weights.

    Args:
        model: the network.
        folder: where the weights lie.
        custom: for ``u2net_custom``: the file, relative to the folder.

    Raises:
        BadInputError: it is not there, or cannot be weights.
        BadParameterError: ``custom`` is missing, needless, or leads out of the folder.
    """
    from looks_kedro.sources.weights import weight_file

    if (custom is None) == (model == "u2net_custom"):
        raise BadParameterError(
            f"model is {model} and custom_weights is {custom!r}; custom_weights names the file of u2net_custom, and "
            "of no other model."
        )
    if custom is not None:
        # As rembg itself demands: nothing outside its home is loaded.
        path = (folder / custom).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise BadParameterError(f"custom_weights is {custom!r}; expected a file inside the folder {folder}.")
        if not path.is_file():
            raise BadInputError(f"{path}: there is no such file. Put the ONNX file there, or correct custom_weights.")
        return path
    found = weight_file(folder, model)
    if found is None:
        raise BadInputError(
            f"There are no weights of {model} in {folder}. Fetch them: {_command(model)}; or cut out without any: "
            "--params background.method=grabcut"
        )
    return found


def device_of(device: Device) -> Literal["cpu", "cuda"]:
    """Where a network will run.

    Raises:
        BadParameterError: cuda is asked for, and this ONNX Runtime knows none.
    """
    if device == "cpu":
        return "cpu"
    import onnxruntime

    there = _CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not there:
        raise BadParameterError(
            f"device is cuda, but this ONNX Runtime knows only {', '.join(onnxruntime.get_available_providers())}. "
            "Install onnxruntime-gpu in place of onnxruntime, or set device to auto or cpu."
        )
    return "cuda" if there else "cpu"


def _options(device: str) -> SessionOptions:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if device == "cpu":
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
    return options


def _local_class(model: str, weights: Path) -> Any:
    """Rembg's class of a model, with our file in place of its search and its download."""
    _import_rembg()
    from rembg.sessions import sessions_class

    known = {one.name(): one for one in sessions_class}

    def download_models(cls: Any, *args: Any, **options: Any) -> str:  # noqa: ARG001 - rembg's signature
        return str(weights)

    if model == "u2net_custom":  # the same network; the class for files only asks where the file lies
        model = "u2net_human_seg"
    return type("LocalSession", (known[model],), {"download_models": classmethod(download_models)})


def _import_rembg() -> None:
    """Import rembg, whose dependencies compile for half a minute unless they find what they compiled before."""
    for name, value in numba_cache(os.environ).items():
        os.environ.setdefault(name, value)
    import rembg  # noqa: F401


def numba_cache(environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The variable that leads numba to a folder that can be written, unless it is set already."""
    if environment.get("NUMBA_CACHE_DIR"):
        return {}
    homes = [Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"), Path(tempfile.gettempdir())]
    for home in homes:
        # What numba keeps is run later: no folder that belongs to somebody else.
        folder = home / (f"looks_kedro-{os.getuid()}" if hasattr(os, "getuid") else "looks_kedro") / "numba"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ours = not hasattr(os, "getuid") or folder.stat().st_uid == folder.parent.stat().st_uid == os.getuid()
        except OSError:
            continue
        if ours and os.access(folder, os.W_OK):
            return {"NUMBA_CACHE_DIR": str(folder)}
    return {"NUMBA_CACHE_DIR": tempfile.mkdtemp(prefix="numba")}


def _command(model: str) -> str:
    return f"kedro run --pipelines weights --params weights.names={model}"
