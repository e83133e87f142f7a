from sparsefaces.base import cache
from sparsefaces.base.cache import fingerprint, fingerprint_code


def test_code_hash__is_of_the_sources_and_of_what_they_are_called_not_of_what_python_leaves(tmp_path, monkeypatch):
    assert (cache.LIBRARY / "base/cache.py").samefile(cache.__file__)
    monkeypatch.setattr(cache, "LIBRARY", tmp_path)
    source = tmp_path / "base" / "a.py"
    (tmp_path / "base/__pycache__").mkdir(parents=True)
    source.write_text("1")
    first = fingerprint_code("base", packages=())
    (tmp_path / "base/__pycache__/a.pyc").write_text("x")
    assert fingerprint_code("base", packages=()) == first
    source.write_text("2")
    second = fingerprint_code("base", packages=())
    source.rename(source.with_name("b.py"))
    (tmp_path / "colors.py").write_text("1")
    others = (
        fingerprint_code("base", packages=()),
        fingerprint_code("base", "colors.py", packages=()),
        fingerprint_code("base"),
    )
    assert len({first, second, *others}) == 5


def test_key_of__depends_on_the_values_not_on_their_order():
    assert fingerprint({"seed": 1, "lambda": 0.5}) == fingerprint({"lambda": 0.5, "seed": 1})
    assert fingerprint({"seed": 1}) != fingerprint({"seed": 2})
    assert len(fingerprint({})) == 16
