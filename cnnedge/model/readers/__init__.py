"""Model files of every kind that Keras users have, opened without trusting them."""
