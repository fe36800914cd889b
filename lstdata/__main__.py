"""`python -m lstdata`."""

from lstdata.cli import main

if __name__ == "__main__":
    main()
