"""Fixtures that every test may use."""

from hypothesis import settings

pytest_plugins = ("tests.fakes.fixtures",)

# How long an example takes says how busy the machine is: benchmarks judge time.
settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")
