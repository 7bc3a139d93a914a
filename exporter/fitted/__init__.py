"""Models that are fitted elsewhere and scored here, from plain arrays.

To add one, write a file with a class that fits `contract.Model` and add its line here; what
fits it is a file of `exporter/fit/`, which only the worker process imports.
"""

from exporter.fitted.contract import Model
from exporter.fitted.isolation_forest import IsolationForest
from exporter.fitted.local_outlier_factor import LocalOutlierFactor
from exporter.fitted.one_class_svm import OneClassSVM

MODELS: dict[str, type[Model]] = {
    "isolation_forest": IsolationForest,
    "local_outlier_factor": LocalOutlierFactor,
    "one_class_svm": OneClassSVM,
}
