"""HTML of mails as plain text: what a reader would see, one line a block."""

from html.parser import HTMLParser

_BLOCKS = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "table", "ul", "ol", "pre"}
_HIDDEN = {"script", "style", "head", "title", "template"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._hidden = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag == "blockquote":
            self._quotes += 1
        if tag in _BLOCKS:
            self._break()
        if tag == "li":
            self.lines[-1] += "- "

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in _BLOCKS and tag != "br":
            self._break()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        words = " ".join(data.split())
        if words:
            line = self.lines[-1]
            if not line and self._quotes:
                line = "> " * min(self._quotes, 5)
            between = " " if line and not line.endswith((" ", ">")) and data[:1].isspace() else ""
            self.lines[-1] = f"{line}{between}{words}{' ' if data[-1:].isspace() else ''}"

    def _break(self) -> None:
        if self.lines[-1].strip():
            self.lines.append("")


def text_of(html: str) -> str:
    """The text of some HTML; quotations begin with `>`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "\n".join(line.rstrip() for line in reader.lines).strip()
