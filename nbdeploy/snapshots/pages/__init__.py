"""What is said of a snapshot: the card in a notebook, and the model card in its bundle."""
