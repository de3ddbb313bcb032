"""What a person can mend: the text says what is wrong and what to do, one line for each."""


class MixtapeError(Exception):
    """Something a person can mend."""
