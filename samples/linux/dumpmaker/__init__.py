"""Real Linux crash dumps with their truth: what samples/linux/make is made of."""


class Failed(Exception):
    """One sentence for the person who ran the program."""
