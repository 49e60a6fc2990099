"""Which weights these are: a digest over a model folder's files. Free of torch.

Hashing a 7B model takes half a minute, so the digest of a file is remembered for the process by path, size and
modification time.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from editor_engine.errors import EngineError

_DESCRIBING_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, remembered while its size and modification time stay."""
    state = path.stat()
    return _file_sha256(path.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _file_sha256(path: Path, _size: int, _modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """Hex sha256 over names and sha256s of the safetensors, the config and the tokenizer of a model folder."""
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    names += [name for name in _DESCRIBING_FILES if (folder / name).is_file()]
    lines = [f"{name} {file_sha256(folder / name)}" for name in names]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def local_folder(name_or_path: str | Path, error_class: type[EngineError]) -> Path:
    """The folder that holds a model: the path itself, or a hub id's snapshot (downloaded if the hub may be asked).

    ``HF_HUB_OFFLINE=1`` keeps it to what the cache already holds.

    Raises:
        EngineError: of the given class; neither a folder nor a hub id that can be had here.
    """
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or str(name_or_path).startswith((".", "~")) or os.sep * 2 in str(name_or_path):
        raise error_class(f"Model folder {name_or_path} does not exist: check the path in the settings")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                str(name_or_path), allow_patterns=["*.safetensors", "*.safetensors.index.json", *_DESCRIBING_FILES]
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise error_class(
            f"Model {name_or_path} is neither a folder here nor to be had from the hub ({type(error).__name__}): "
            "give the path of a folder with config.json, tokenizer and safetensors, or download it beforehand"
        ) from error
