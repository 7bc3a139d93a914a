"""The Alertmanager receiver: tells people what broke, loses nothing, and repairs what it may."""
