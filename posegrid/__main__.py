"""`python -m posegrid` is the command `posegrid`."""

from posegrid.cli import main

if __name__ == "__main__":
    main()
