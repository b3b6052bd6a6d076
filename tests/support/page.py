"""A report as a reader finds it: text, tables, figures, players, references; a wrong nesting is an
error.
"""

from collections import Counter
from html.parser import HTMLParser

MINUS = "\N{MINUS SIGN}"  # the page has it; Page reads it as a hyphen


class Page(HTMLParser):
    """Every cell of a table is a list: what stands in it, then what stands small beneath it."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.alternatives: list[str] = []
        self.texts: list[str] = []
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.policy = ""
        self._open: list[str] = []
        self._table: list[list[list[str]]] = []
        self.feed(html.replace(MINUS, "-"))
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "xlink:href") if name in given]
        self.labelled += [given["aria-labelledby"]] if "aria-labelledby" in given else []
        self.alternatives += [given["aria-label"]] if given.get("role") == "img" else []
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if given.get("class") == "scroll":
            self._table = self.tables.setdefault(given["id"].removeprefix("table-"), [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append([""])
        elif tag == "small":
            self._table[-1][-1].append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if {"td", "th"} & set(self._open):
            self._table[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def lines(self, key: str) -> dict[str, list[list[str]]]:
        """The rows of a table by what stands in their first cell."""
        return {row[0][0]: row[1:] for row in self.tables[key]}
