"""The smallest or fastest file that loses no more than is allowed: candidates tried, one taken, one confirmation."""
