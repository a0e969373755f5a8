"""``python -m tests.docs.write_reference``: write into the reference pages what they take from the code."""

from .public import sections
from .reference import links_of, pages, written


def main() -> None:
    public = sections()
    links = links_of(pages())
    for page in pages():
        page.write_text(written(page, public, links), "utf-8")


if __name__ == "__main__":
    main()
