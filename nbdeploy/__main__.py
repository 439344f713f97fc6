"""``python -m nbdeploy``: the same as the console script."""

from nbdeploy.commands import main

if __name__ == "__main__":
    main()
