"""How near texts are in meaning, by an encoder that lies in a folder of this machine.

The folder is one as Hugging Face's `save_pretrained` leaves it: config.json, a tokeniser, weights as safetensors. Nothing is
fetched, no code that came with a model is run, and nothing of the texts is kept. On the CPU: beside a database, where texts
are short and few, a copy to an accelerator costs more than it saves.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from domain.errors import Misconfigured

TOKENS_MOST: Final = 256
"""Of a text; what follows is not looked at. Encoders of sentences are trained on less."""
_AT_ONCE: Final = 16


class MeaningModelUnusable(Misconfigured):
    code = "meaning_model_unusable"
    message = "The folder named by ANAMNESIS_MEANING_MODEL holds no encoder that can be used."
    hint = "It needs config.json, a tokeniser and weights as .safetensors; or leave the setting out."


class MeaningEncoder:
    """Implements domain.ports.relevance.Relevance: the cosine of mean-pooled last hidden states (Reimers and Gurevych,
    2019, arXiv:1908.10084), -1 to 1. torch and the weights are loaded at the first question.
    """

    def __init__(self, folder: Path) -> None:
        """Raises MeaningModelUnusable."""
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise MeaningModelUnusable(folder=folder.name)
        self._folder = folder
        self._lock = Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        return f"meaning/{self._folder.name}"

    def scores(self, query: str, documents: Sequence[str]) -> Sequence[float]:
        """Raises MeaningModelUnusable when the folder does not load."""
        if not query.strip() or not documents:
            return [0.0] * len(documents)
        import torch  # noqa: PLC0415 - a second of imports that only a question by meaning needs

        with torch.inference_mode():
            asked_1D = self._encoded([query])  # noqa: N806 - axes stand in the name
            near_N = self._encoded(documents) @ asked_1D[0]  # noqa: N806 - as above
        return [float(near) for near in near_N]

    def _encoded(self, texts: Sequence[str]) -> Any:
        """Vectors of length 1, [texts, hidden]."""
        import torch  # noqa: PLC0415 - as above

        return torch.cat(list(self._batches(texts)))

    def _batches(self, texts: Sequence[str]) -> Iterator[Any]:
        import torch  # noqa: PLC0415 - as above

        tokeniser, model = self._ready()
        for start in range(0, len(texts), _AT_ONCE):
            batch = tokeniser(
                list(texts[start : start + _AT_ONCE]),
                padding=True,
                truncation=True,
                max_length=min(TOKENS_MOST, model.config.max_position_embeddings),
                return_tensors="pt",
            )
            hidden_NTD = model(**batch).last_hidden_state.float()  # noqa: N806 - as above
            weight_NT1 = batch["attention_mask"].unsqueeze(-1).to(hidden_NTD.dtype)  # noqa: N806 - as above
            mean_ND = (hidden_NTD * weight_NT1).sum(1) / weight_NT1.sum(1).clamp(min=1)  # noqa: N806 - as above
            yield torch.nn.functional.normalize(mean_ND, dim=-1)

    def _ready(self) -> tuple[Any, Any]:
        """Tokeniser and model, loaded once. Several requests may ask at the same time."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - as torch

        known: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokeniser = AutoTokenizer.from_pretrained(self._folder, **known)
            model = AutoModel.from_pretrained(self._folder, use_safetensors=True, dtype="float32", **known)
        except (OSError, ValueError, KeyError, ImportError) as exc:
            raise MeaningModelUnusable(folder=self._folder.name, reason=type(exc).__name__) from exc
        return tokeniser, model.eval()
