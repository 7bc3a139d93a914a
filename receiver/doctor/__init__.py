"""The doctor: looks at everything that must be right for a message to arrive, and says what is not.

Its checks send no message to people unless they are told to.
"""
