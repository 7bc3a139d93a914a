"""The webhooks of the last moment as they were read, so that no channel reads them again."""

from collections import OrderedDict
from collections.abc import Iterable
from weakref import WeakValueDictionary

from receiver.model import Notification

MOST = 2 * 2**20
"""Bytes of webhooks as they came; what was read takes several times that."""


class Recent:
    """Remembers webhooks by their numbers, the latest up to a bound."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held = 0
        self._shared: WeakValueDictionary[int, Notification] = WeakValueDictionary()
        self._kept: OrderedDict[int, tuple[Notification, int]] = OrderedDict()

    def share(self, number: int, notification: Notification) -> None:
        """Remember one for as long as somebody else holds it."""
        self._shared[number] = notification

    def put(self, number: int, notification: Notification, size: int) -> None:
        """Remember one that was `size` bytes; a large one only as long as somebody holds it."""
        self.share(number, notification)
        if size > self._most // 8:
            return
        self._kept[number] = notification, size
        self._held += size
        while self._held > self._most:
            _, (_, gone) = self._kept.popitem(last=False)
            self._held -= gone

    def find(self, numbers: Iterable[int]) -> dict[int, Notification]:
        """Return those that are remembered."""
        found = ((number, self._shared.get(number)) for number in numbers)
        return {number: said for number, said in found if said is not None}
