"""The heavy half: what needs scikit-learn, imported only in the worker process.

To add a method, write a file with a function from arrays to arrays, and add its line here. A
string, because whoever imports this dict must not import what it names.
"""

FITS: dict[str, str] = {
    "isolation_forest": "exporter.fit.isolation_forest:fit",
    "local_outlier_factor": "exporter.fit.local_outlier_factor:fit",
    "one_class_svm": "exporter.fit.one_class_svm:fit",
}
