"""Writes counts, durations and sizes as a reader wants them in a sentence or a table."""


def pluralized(count: int, noun: str) -> str:
    """Returns a count with its noun: ``1 track``, ``2 tracks``."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def clock(secs: float) -> str:
    """Returns a duration as ``h:mm:ss``."""
    minutes, seconds = divmod(round(secs), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def scaled(amount: float, unit: str, step: int = 1000) -> str:
    """Returns an amount in the largest unit of which there is one or more: ``3.2 MFLOP``.

    Args:
        amount: in ``unit``.
        unit: without a prefix.
        step: between two prefixes; 1024 makes them binary ones, as in ``1.5 KiB``.
    """
    prefixes = ["", "k", "M", "G", "T", "P"]
    index = 0
    while amount >= step and index + 1 < len(prefixes):
        amount /= step
        index += 1
    prefix = prefixes[index]
    if prefix and step == 1024:
        prefix = f"{prefix.upper()}i"
    return f"{amount:.1f} {prefix}{unit}"
