"""Fits a one-class support vector machine with a Gaussian kernel."""

from typing import Any

import numpy as np
from sklearn import svm

from exporter.fit.calibrate import calibrated
from exporter.fitted.contract import Arrays
from exporter.fitted.one_class_svm import OneClassSVM
from exporter.model import FloatArray

_NU = 0.05
"""At most this share of the vectors is left outside."""


def fit(request: Arrays) -> Arrays:
    """Fit `vectors` of shape (n, features); see `calibrate.calibrated`."""
    return calibrated(request, train, OneClassSVM)


def train(points: FloatArray) -> Arrays:
    """Return support vectors, coefficients and the kernel's width, which is the points' own."""
    gamma = 1 / (points.shape[1] * max(points.var(), 1e-6))
    return plain(svm.OneClassSVM(nu=_NU, gamma=gamma).fit(points))


def plain(machine: Any) -> Arrays:
    """Return the arrays of a fitted scikit-learn machine, whose gamma must be a number."""
    return {
        "support": np.ascontiguousarray(machine.support_vectors_.T),
        "coefficients": machine.dual_coef_[0],
        "gamma": np.array(machine.gamma),
        "rho": np.array(machine.offset_[0]),
    }
