"""What every folder must do with versions of a file, whatever it is."""

from concurrent.futures import ThreadPoolExecutor


def check_versions(folder):
    """Goes through the life of a file of which several callers know versions."""
    name = "lease.json"
    assert folder.read_version(name) is None
    assert folder.replace_version(name, "x", "1") is None
    first = folder.replace_version(name, "one", None)
    assert first is not None
    assert folder.read_version(name) == ("one", first)
    assert folder.replace_version(name, "two", None) is None
    second = folder.replace_version(name, "two", first)
    assert second not in (None, first)
    assert folder.replace_version(name, "three", first) is None
    assert folder.read_version(name) == ("two", second)
    folder.delete_version(name, first)
    assert folder.read_text(name) == "two"

    def replace(text):
        return folder.replace_version(name, text, second)

    texts = [f"of {i}" for i in range(8)]
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(replace, texts))
    (winner,) = [i for i, version in enumerate(versions) if version is not None]
    assert folder.read_version(name) == (texts[winner], versions[winner])
    folder.delete_version(name, versions[winner])
    folder.delete_version(name, versions[winner])
    assert folder.read_version(name) is None
