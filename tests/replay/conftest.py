# Installed, pytest finds the plugin by its entry point; from a checkout it is taken from here.
from humanoid_bringup.bags.pytest_plugin import humanoid_replay  # noqa: F401
