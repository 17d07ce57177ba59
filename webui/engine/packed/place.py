"""Where a network has a weight that can be changed for a while."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class WeightPlace(ABC):
    """A weight, the file's or another that was put in its place."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""

    @abstractmethod
    def file_weight(self) -> Tensor:
        """The file's, whatever is in its place; not to be written to."""

    @abstractmethod
    def put(self, weight: Tensor) -> None:
        """Use another one until `restore`, in whatever precision it comes."""

    @abstractmethod
    def restore(self) -> None:
        """Use the file's again, to the bit."""


class HoldsWeight(ABC):
    """A layer whose weight is no parameter."""

    @property
    @abstractmethod
    def kept_bytes(self) -> int:
        """Memory that the weight takes."""


class KeptWeight(WeightPlace, HoldsWeight):
    """A layer that keeps its weight in a form of its own, and not as a parameter."""
