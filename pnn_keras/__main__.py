"""``python -m pnn_keras`` is the command line."""

from pnn_keras.cli import main

main()
