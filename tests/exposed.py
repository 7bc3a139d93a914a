"""The names of all metrics that Tocsin itself exposes, taken from the code that exposes them."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import exporter
from exporter.model import Metric
from receiver import metrics

_GOLDEN = Path(__file__).parent / "exporter/golden/host.prom"


@cache
def by_exporter() -> frozenset[str]:
    """Families of the exporter: those it declares, and those it makes of what /proc has."""
    golden = re.findall(r"^# TYPE (\S+)", _GOLDEN.read_text(), re.MULTILINE)
    return frozenset({*golden, *_declared()})


def _declared() -> Iterator[str]:
    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                many = value if isinstance(value, tuple | list) else (value,)
                many = (*value.values(),) if isinstance(value, dict) else many
                yield from (one.name for one in many if isinstance(one, Metric))


@cache
def by_receiver() -> frozenset[str]:
    """Series of the receiver, as its rules read them: `_bucket` and `_total` included."""
    registry = metrics.create("0", ["inbox"]).registry
    names = set()
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return frozenset(names)
