"""Run the command line as `python -m grantd`."""

from entrypoints.cli.app import main

main()
