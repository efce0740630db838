"""`python -m ophvl`."""

from ophvl.cli import main

main()
