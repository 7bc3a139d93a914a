"""What a detector is; its state is an array of shape (series, width), NaN in a row that is new."""

from typing import ClassVar, Protocol

from exporter.model import FloatArray


class Detector(Protocol):
    """A view of ordinary behaviour that is learned value by value.

    `innovation` is what the values do beyond what was expected, in units of the expected
    scatter; it reads the state. `learn` writes it. Neither looks ahead, each row stands for
    itself, and a missing value (NaN or an infinity) yields NaN and teaches nothing.
    """

    width: ClassVar[int]
    """How many floats of state one series needs."""

    def innovation(self, state: FloatArray, values: FloatArray) -> FloatArray:
        """Return shape (series,): the standardised innovation, NaN while too little is known."""
        ...

    def band(
        self, state: FloatArray, width: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return expected, lower and upper, the bounds `width` scatters away."""
        ...

    def learn(self, state: FloatArray, values: FloatArray) -> None:
        """Take the values into the state, in place."""
        ...
