"""Detectors: ways of looking at a series, and the dict that names them.

To add one, write a file with a class that fits `contract.View`, and add its line here.
"""

from exporter.detectors.autoregression import Autoregression
from exporter.detectors.change import Change
from exporter.detectors.contract import View
from exporter.detectors.level import Level
from exporter.detectors.long_low import LongLow
from exporter.detectors.low import Low
from exporter.detectors.mean import Mean
from exporter.detectors.size import Size
from exporter.detectors.trend import Trend
from exporter.detectors.week import Week

DETECTORS: dict[str, View] = {
    "level": Level(),
    "mean": Mean(),
    "trend": Trend(),
    "change": Change(),
    "autoregression": Autoregression(),
    "week": Week(),
    "low": Low(),
    "long_low": LongLow(),
    "size": Size(),
}
