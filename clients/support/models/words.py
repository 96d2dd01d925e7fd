"""What is searched: words in the language they were written in, kept by the database beside the text."""

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db.models import Case, GeneratedField, When


def searched(**weights: str) -> GeneratedField:
    """A column of the words of some fields, by the row's own `language`; the database makes it.

    Args:
        weights: field to its weight, A to D.
    """

    def vector(config: str) -> SearchVector:
        first, *others = (SearchVector(name, weight=weight, config=config) for name, weight in weights.items())
        return sum(others, start=first)

    return GeneratedField(
        expression=Case(When(language="de", then=vector("german")), default=vector("english")),
        output_field=SearchVectorField(),
        db_persist=True,
    )
