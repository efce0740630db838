"""Run the command line as `python -m ophclip`."""

from ophclip.cli import main

main()
