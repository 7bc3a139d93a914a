"""Detectors: anomaly methods on blocks of series, and the dict that names them.

To add one, write a file with a class that fits `contract.Detector`, and add its line here.
"""

from exporter.detectors.contract import Detector
from exporter.detectors.local_level import LocalLevel

DETECTORS: dict[str, type[Detector]] = {"local_level": LocalLevel}
