"""``python -m seqloom_runtime`` is ``seqloom-runtime``."""

from seqloom_runtime.command import main

if __name__ == "__main__":
    main()
