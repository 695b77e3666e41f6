"""The language model: tuner, training, inference, safety. Nothing here yet imports torch at package level."""
