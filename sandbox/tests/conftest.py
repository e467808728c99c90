"""What all suites share: nothing yet but the marker that orders them from cheap to dear."""

ORDER = ("unit", "kernel", "cloud")


def pytest_collection_modifyitems(items):
    def rank(item):
        return next((n for n, part in enumerate(ORDER) if part in item.path.parts), len(ORDER))
    items.sort(key=rank)
