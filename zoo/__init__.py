"""The presets that ship with pnn-keras, one folder each; ``pnn_keras.load`` reads them by name."""
