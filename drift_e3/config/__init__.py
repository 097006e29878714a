"""Settings: read once, checked completely, each value with its origin. Nothing here acts on them."""

from drift_e3.config.keys import ConfigError
from drift_e3.config.load import Loaded, load
from drift_e3.config.sections import Settings

__all__ = ["ConfigError", "Loaded", "Settings", "load"]
