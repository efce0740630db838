"""`python -m ophclip`."""

from ophclip.cli import main

main()
