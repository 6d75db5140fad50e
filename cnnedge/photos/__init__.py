"""From a folder of photos to one file: what they are like, how a network of them is trained, and what to say of it."""
