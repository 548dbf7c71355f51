"""``python -m cxml``: the command line, where the script ``cxml`` is not on the path."""

from cxml.cli.commands import main

if __name__ == "__main__":
    main()
