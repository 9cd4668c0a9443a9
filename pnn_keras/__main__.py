"""``python -m pnn_keras``: the same as ``pnn-keras``."""

from pnn_keras.cli import main

if __name__ == "__main__":
    main()
