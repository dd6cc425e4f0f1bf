"""`python -m trialsim`: the command line, where its script is not on the path."""

from trialsim.cli.main import main

if __name__ == "__main__":  # not in a worker, which imports this file again
    main()
