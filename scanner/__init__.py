"""Vendorwatch: audit logs in, findings and evidence out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("vendorwatch")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"
