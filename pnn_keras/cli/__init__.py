"""The command line: commands only. What they do lies in the other rooms.

TensorFlow, Keras, pandas and rich are imported by the commands that need them,
so that ``pnn-keras --help`` answers at once.
"""

from pnn_keras.cli.entry import main

__all__ = ["main"]
