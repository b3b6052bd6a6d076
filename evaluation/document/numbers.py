"""Writes numbers as a reader finds them in a report."""

BLANK = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"

# A score that lies further from zero is the rounding of its arithmetic: its digits say nothing.
_MAX_DB = 100.0


def decibels(value: float | None, decimals: int = 1) -> str:
    """Writes a level in dB, a dash for a blank one, and no digits where it is rounding alone."""
    if value is None:
        return BLANK
    if value > _MAX_DB:
        return "> 100"
    if value < -_MAX_DB:
        return f"< {_MINUS}100"
    # Adding zero turns -0.0, which would be printed with its sign, into 0.0.
    rounded = round(value, decimals) + 0.0
    return f"{rounded:.{decimals}f}".replace("-", _MINUS)


def signed_decibels(value: float | None, decimals: int = 1) -> str:
    """Writes a difference in dB, with a plus where it is above zero as printed."""
    text = decibels(value, decimals)
    if value is None or not 0 < value <= _MAX_DB:
        return text
    # Nothing is left of a value that rounds to zero.
    if not text.strip("0."):
        return text
    return f"+{text}"


def percent(share: float, decimals: int = 1) -> str:
    """Writes a share from 0 to 1 in percent."""
    return f"{share:.{decimals}%}"


def percentage_points(difference: float, decimals: int = 1) -> str:
    """Writes a difference of two shares from 0 to 1, with a plus where it is above zero."""
    return f"{signed_decibels(100 * difference, decimals)} points"


def short_number(value: float) -> str:
    """Writes a number of a sentence with as few digits as it needs, six at most."""
    return f"{value:g}".replace("-", _MINUS)
