def rating(error):
    """The part of the score that an error leaves."""
    return 1 if error <= 0.01 else 0.5 if error <= 1 else 0
