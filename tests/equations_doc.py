"""Checks that code and document agree on the equations: equations_doc.py [--self-test | ROOT].

1. Every EQ-n that a file of src/ mentions is the heading of exactly one section of docs/cost-model.md.
2. Every such section belongs to an equation of the code (a file of src/ that is no test mentions it).
3. Every such section is repeated by a test (a *_test.cpp mentions it).
"""
import pathlib
import re
import sys
import tempfile

DOCUMENT = "docs/cost-model.md"
HEADING = re.compile(r"^#{2,4} EQ-(\d+)\b", re.MULTILINE)
RANGE = re.compile(r"\bEQ-(\d+)\s*\.\.\s*EQ-(\d+)\b")
MENTION = re.compile(r"\bEQ-(\d+)\b")


def mentions(text):
    """The numbers in a text, ranges such as EQ-11 .. EQ-16 included."""
    found = {int(match[1]) for match in MENTION.finditer(text)}
    for match in RANGE.finditer(text):
        found.update(range(int(match[1]), int(match[2]) + 1))
    return found


def check(root):
    document = root / DOCUMENT
    if not document.is_file():
        return [f"{DOCUMENT}: missing"]
    headings = [int(match[1]) for match in HEADING.finditer(document.read_text(encoding="utf-8"))]
    errors = [f"{DOCUMENT}: EQ-{n} is the heading of {headings.count(n)} sections" for n in sorted(set(headings)) if headings.count(n) > 1]
    in_code, in_tests = set(), set()
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        found = mentions(path.read_text(encoding="utf-8"))
        (in_tests if path.name.endswith("_test.cpp") else in_code).update(found)
        errors += [f"{path.relative_to(root)}: EQ-{n} is no heading of {DOCUMENT}" for n in sorted(found - set(headings))]
    errors += [f"{DOCUMENT}: EQ-{n} is mentioned by no file of src/" for n in sorted(set(headings) - in_code)]
    errors += [f"{DOCUMENT}: EQ-{n} is repeated by no test of src/" for n in sorted(set(headings) - in_tests)]
    return errors


def self_test():
    """Each case: files, and what the one error must contain; the first has none."""
    good = {DOCUMENT: "# Costs\n### EQ-1 slice\n### EQ-2 rows\nEQ-2 again\n", "src/a.h": "// EQ-1..EQ-2\n", "src/a_test.cpp": "// EQ-1, EQ-2\n"}
    cases = [
        ({}, None),
        ({DOCUMENT: good[DOCUMENT] + "### EQ-1 once more\n"}, "EQ-1 is the heading of 2 sections"),
        ({"src/b.cpp": "// EQ-7\n"}, "src/b.cpp: EQ-7 is no heading"),
        ({"src/a.h": "// EQ-1\n"}, "EQ-2 is mentioned by no file"),
        ({"src/a_test.cpp": "// EQ-2\n"}, "EQ-1 is repeated by no test"),
    ]
    failed = 0
    for changed, want in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**good, **changed}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            errors = check(root)
        if (want is None and errors) or (want is not None and (len(errors) != 1 or want not in errors[0])):
            print(f"wanted {want!r}, found {errors}")
            failed += 1
    return failed


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    violations = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join([*violations, f"{len(violations)} violations"]))
    sys.exit(1 if violations else 0)
