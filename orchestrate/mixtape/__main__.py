"""`python -m mixtape` is the `mixtape` command."""

from mixtape.cli import main

main()
