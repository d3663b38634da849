"""Brings the weights of a model file into memory, or says why it cannot."""

from pathlib import Path
from typing import Any

from appliance.domain.errors import ModelUnusable
from appliance.engine.binding import Binding


def load_weights(binding: Binding, path: Path) -> Any:
    """``llama_model *`` for the file at ``path``; the caller frees it with ``llama_model_free``.

    Raises:
        ModelUnusable: llama.cpp does not know this kind of model, or the file is damaged.
    """
    binding.complaints.clear()
    api = binding.api
    model = api.llama_model_load_from_file(str(path).encode(), api.llama_model_default_params())
    if not model:
        raise ModelUnusable(_reason(path, " ".join(binding.complaints)))
    return model


def _reason(path: Path, complaints: str) -> str:
    if "unknown model architecture" in complaints:
        return (
            f"This version of llama.cpp does not know the kind of model in {path}. "
            "Take another model file."
        )
    if "file bounds" in complaints or "read error" in complaints:
        return f"The model file {path} is cut off. Copy it again and compare its checksum."
    return f"llama.cpp cannot use the model file {path}. Copy it again or take another one."
