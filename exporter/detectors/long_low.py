"""The lowest of the last twenty values: a rise that lasts longer still."""

from exporter.detectors.low import Low


class LongLow(Low):
    """As `Low`, over four times as many values."""

    novelty = 0.85
    values = 20
