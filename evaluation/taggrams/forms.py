"""Lists the files that are written of what was heard in one, by their suffixes."""

from pathlib import Path

from evaluation.taggrams import tables
from evaluation.taggrams.heard import HeardFile
from trainer.tasks.tagging.tagger import Tagger

FORMS = ("csv", "json", "txt", "png")


def parse_forms(text: str) -> list[str]:
    """Returns the forms that a text names, with commas between them, in their usual order.

    Raises:
        ValueError: it names none, or one that there is not.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in FORMS]
    if unknown or not words:
        raise ValueError(
            f"--formats={text}: expected one or more of {', '.join(FORMS)}, with commas between "
            f"them; got {', '.join(unknown) or 'none'}."
        )
    return [form for form in FORMS if form in words]


def write_form(form: str, heard: HeardFile, tagger: Tagger, path: Path) -> None:
    """Writes what was heard in a file in one form of ``FORMS``."""
    if form == "csv":
        tables.write_csv(heard, path)
    elif form == "json":
        tables.write_json(heard, tagger, path)
    elif form == "txt":
        tables.write_labels(heard, path)
    else:
        # It imports Matplotlib, for which who wants no picture does not wait.
        from evaluation.taggrams.picture import write_picture

        write_picture(heard, tagger.origin, path)
