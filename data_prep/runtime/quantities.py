"""Counts, durations and sizes as a reader wants them in a sentence or a table."""


def pluralized(count: int, noun: str) -> str:
    """A count and what is counted: ``1 track``, ``2 tracks``."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def clock(secs: float) -> str:
    """A duration as ``h:mm:ss``."""
    minutes, seconds = divmod(round(secs), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def scaled(amount: float, unit: str, step: int = 1000) -> str:
    """An amount in the largest unit of which there is one or more: ``3.2 MFLOP``; binary ones with a step of 1024."""
    prefixes = iter("kMGTP")
    prefix = ""
    while amount >= step and (larger := next(prefixes, None)):
        amount, prefix = amount / step, larger
    infix = "i" if prefix and step == 1024 else ""
    return f"{amount:.1f} {prefix.upper() if infix else prefix}{infix}{unit}"
