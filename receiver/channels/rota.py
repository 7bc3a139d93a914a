"""Several robots of one group as one pool: which may send now, and when none may, when again."""

from collections import deque
from dataclasses import dataclass, field

from receiver.model import Pace, SendError


@dataclass(slots=True)
class Rota:
    """Keeps each of some robots within a pace of its own; times are seconds of any one clock.

    What the pool sends in all is paced by the delivery. This keeps a robot from taking over more
    than its share while others rest. It is equal to any for as many robots.
    """

    robots: int
    pace: Pace
    _sent: list[deque[float]] = field(init=False, compare=False, repr=False)
    _rests: dict[int, tuple[float, SendError]] = field(
        init=False, compare=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        # One less than the provider allows, since messages travel unevenly.
        self._sent = [deque(maxlen=max(1, self.pace.count - 1)) for _ in range(self.robots)]

    def ready(self, now: float) -> list[int]:
        """Return the robots that may send now, the one that sent the longest ago first."""
        free = [robot for robot in range(self.robots) if self._ready_at(robot) <= now]
        return sorted(free, key=lambda robot: self._sent[robot][-1] if self._sent[robot] else 0.0)

    def sent(self, robot: int, now: float) -> None:
        """Note a message."""
        self._sent[robot].append(now)
        self._rests.pop(robot, None)

    def rest(self, robot: int, until: float, error: SendError) -> None:
        """Leave a robot alone after it refused."""
        self._rests[robot] = (until, error)

    def refusal(self, now: float) -> SendError:
        """Return what to raise where none may send: why, and when the first may again."""
        first = min(range(self.robots), key=self._ready_at)
        wait = max(1.0, self._ready_at(first) - now)
        if first not in self._rests:
            detail = f"all {self.robots} robots have sent what they may in {self.pace.period:g} s"
            return SendError("throttled", detail, retry_after=wait)
        error = self._rests[first][1]
        return SendError(error.reason, f"all robots: {error.detail}", retry_after=wait)

    def _ready_at(self, robot: int) -> float:
        sent, rested = self._sent[robot], self._rests.get(robot)
        full = len(sent) == sent.maxlen
        return max(sent[0] + self.pace.period if full else 0.0, rested[0] if rested else 0.0)
