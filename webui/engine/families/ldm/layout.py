"""Boxes as the paper's own layout model reads them: three tokens a box, of a vocabulary of 8192.

A place is one token too: a picture is a grid of 90 x 90 places, numbered row by row. Thirty boxes make
ninety tokens (class, upper left, lower right); where there is no box all three are the last token of the
vocabulary. Two more say which part of a photograph is seen: here always all of it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from webui.engine.families.ldm.bert import BertEmbedder
from webui.engine.layout_encoder import LayoutSettings

BOX_TOKENS = 3
CROP_TOKENS = 2


class LayoutReader(nn.Module):
    """(B, N, 5) boxes to (B, L, width) tokens, as `LayoutEncoder`; its text encoder reads no words."""

    def __init__(self, encoder: BertEmbedder, classes: int) -> None:
        """`classes` are the numbers that a box may have, from 0."""
        super().__init__()
        self.encoder = encoder
        vocabulary, width = encoder.token_emb.weight.shape
        boxes = (encoder.config.max_position_embeddings - CROP_TOKENS) // BOX_TOKENS
        self.vocabulary = vocabulary
        self.settings = LayoutSettings(classes, width=width, boxes=boxes)

    def forward(self, boxes: Tensor) -> Tensor:
        """Tokens of boxes: class, left, top, right, bottom in fractions; too many are left out."""
        encoded: Tensor = self.encoder(self.ids(boxes)).last_hidden_state
        return encoded

    def ids(self, boxes: Tensor) -> Tensor:
        """(B, L): the tokens that boxes (B, N, 5) become."""
        boxes = boxes[:, : self.settings.boxes]
        upper, lower = self._places(boxes[..., 1:3]), self._places(boxes[..., 3:5])
        triples = torch.stack((boxes[..., 0].long(), upper, lower), -1).flatten(1)
        missing = (self.settings.boxes - boxes.shape[1]) * BOX_TOKENS
        padded = nn.functional.pad(triples, (0, missing), value=self.vocabulary - 1)
        corners = torch.tensor([[0.0, 0.0], [1.0, 1.0]], device=boxes.device)
        return torch.cat((padded, self._places(corners).expand(len(boxes), -1)), 1)

    def _places(self, points: Tensor) -> Tensor:
        """The tokens of points (..., 2), x and y in fractions."""
        side = math.isqrt(self.vocabulary)
        cells = (points * (side - 1)).round().long()
        return cells[..., 1] * side + cells[..., 0]
