"""What a source of signals elsewhere is: values that are asked for or sent, not on the own page."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from exporter.model import Block, LeftOut, Sample


class Remote(Protocol):
    """Values from elsewhere; however slow or broken that is, the tick goes on without it."""

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many series were left out so far, counted again at every tick, by reason."""
        ...

    @property
    def left_out(self) -> LeftOut:
        """How many series of each signal were left out at the latest tick, by reason."""
        ...

    @property
    def trouble(self) -> str:
        """What is wrong now, in words for the health page; "" where all is well."""
        ...

    @property
    def names(self) -> Iterable[str]:
        """The signals that the configuration gives it."""
        ...

    @property
    def lasting(self) -> bool:
        """Whether values come now and then, so that the latest is shown until the next."""
        ...

    def samples(self) -> Iterable[Sample]:
        """Say how it is, for the page."""
        ...

    def begin(self) -> None:
        """Start to fetch what the coming tick needs; returns at once."""
        ...

    async def take(self, due: float) -> list[Block]:
        """Return what has arrived, each value once; wait for the rest until `due` at most.

        `due` is in monotonic seconds. A series without a new value has NaN, so that a late
        answer does not change the layout.
        """
        ...

    def cancel(self) -> None:
        """Stop for good."""
        ...
