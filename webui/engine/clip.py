"""A CLIP text encoder: rows of tokens, embeddings put in, a layer from its end, weights laid on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.errors import BadRequest
from webui.contracts.lora_keys import TEXT, TEXT_2
from webui.engine.adapters.embedding import Placeholders, check_width
from webui.engine.emphasis import emphasised
from webui.engine.work import EncodeText
from webui.prompt.tokens import TokenFrame, chunk_prompt

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ClipTower:
    """One of the text encoders of a model, and how it is read."""

    encoder: nn.Module
    tokenize: Callable[[str], Sequence[int]]
    """Token ids of a text, without start and end."""
    frame: TokenFrame
    part: str = TEXT
    """What LoRAs call it; the second of two reads the second vectors of an embedding."""
    least_skip: int = 1
    """The layer from the end that is its answer where a request skips none: 2 for all but Stable Diffusion 1."""
    normalised: bool = True
    """Whether the final norm is laid over that layer."""

    def read(self, work: EncodeText) -> tuple[Tensor, Tensor | None]:
        """Tokens (chunks, L, D) and, of the first chunk, the text as a whole (P,)."""
        model, reading, second = work.model, work.reading, self.part == TEXT_2
        check_width(reading.embeddings, self.encoder, model.checkpoint.id, second)
        model.merged.use(self.part, self.encoder, work.patches)
        places = Placeholders(reading.embeddings, second)
        blocks = {name: places.ids(name) for name in places.names}
        chunks = chunk_prompt(work.text, self.tokenize, self.frame, None, reading.emphasis, blocks)
        if chunks.cut:
            log.warning(
                "A text of %d tokens is too long: the last %d are cut.", chunks.count, chunks.cut
            )
        ids = torch.tensor(chunks.rows, device=model.device)  # (chunks, L)
        with places.put_into(self.encoder, ids) as known:
            encoded, pooled = self._run(known, max(reading.clip_skip, self.least_skip))
        tokens = emphasised(encoded.float(), chunks, keep_mean=reading.emphasis != "No norm")
        return tokens, pooled

    def _run(self, ids: Tensor, skip: int) -> tuple[Tensor, Tensor | None]:
        """What the layer `skip` from the end says, (chunks, L, D), and the text as a whole, (P,).

        Raises:
            BadRequest: there are not so many layers.
        """
        # Any: transformers' encoders are typed loosely.
        encoder: Any = self.encoder
        last = skip == 1
        if not last and skip > (layers := int(encoder.config.num_hidden_layers)):
            raise BadRequest(
                f"clip_skip is {skip}, and the model's text encoder has {layers} layers; expected at most "
                f"{layers}."
            )
        said = encoder(ids, output_hidden_states=not last)
        pooled = getattr(said, "text_embeds", None)
        pooled = getattr(said, "pooler_output", None) if pooled is None else pooled
        summary = None if pooled is None else pooled[0].float()
        if last:
            return said.last_hidden_state, summary
        states: Tensor = said.hidden_states[-skip]
        text = getattr(encoder, "text_model", encoder)
        return text.final_layer_norm(states) if self.normalised else states, summary
