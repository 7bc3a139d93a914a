"""Collectors: one file for each source of samples, and the dict that names them.

To add one, write a file with a class that fits `contract.Collector`, and add its line here.
"""

from exporter.collectors.contract import Collector

COLLECTORS: dict[str, type[Collector]] = {}
