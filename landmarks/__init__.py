"""Landmarks: the models that made deep learning, each re-run as its own paper describes it."""

__version__ = "0.1.0"
