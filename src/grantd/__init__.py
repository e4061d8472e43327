"""The outward name of grantd: its version, `python -m grantd`, its stubs."""

__version__ = "0.1.0"
