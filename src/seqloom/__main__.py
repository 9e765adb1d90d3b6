"""``python -m seqloom`` is ``seqloom``; torchrun starts it so."""

from seqloom.cli import main

if __name__ == "__main__":
    main()
