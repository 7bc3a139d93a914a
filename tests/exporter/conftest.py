"""What all tests of the exporter share."""

from hypothesis import settings

# A busy machine must not fail a property; what a property costs is no part of it.
settings.register_profile("exporter", deadline=None, max_examples=50)
settings.load_profile("exporter")
