"""Checks the house rules that a machine can check: tidy.py [--self-test | ROOT].

sizes      a C++ or Python file has at most 500 lines and a function at most 70; a function without a branch or a loop is
           a list and may be longer; anything else is an exception listed below with its reason
calls      the library never prints, exits, reads the environment or throws, and has no hidden clock or randomness
heads      every file says at its top what lives in it; a .cpp beside a header of its name may leave that to the header
text       no tabs, trailing blanks, unfinished marks, paths of one machine; headers have #pragma once

Functions are found by their braces, after comments and literals are blanked: enough for code that clang-format formats.
"""
import os
import pathlib
import re
import sys
import tempfile

FILE_LINES = 500
FUNCTION_LINES = 70

# path -> reason it may be longer.
LONG_FILES = {}
# (path, function) -> reason it may be longer.
LONG_FUNCTIONS = {}

# (name, pattern, files of src/gatefold it does not apply to, only these rooms or None)
TESTS = r"_test\.cpp$"
NOWHERE = r"(?!)"
CALLS = [
    ("prints", r"\b(f|v|vf)?printf\s*\(|\b(f?puts|f?putc|putchar)\s*\(|std::(cout|cerr|clog)\b|\bfmt::print\b", TESTS, None),
    ("exits", r"(?<![\w.>])(std::)?(_?exit|_Exit|quick_exit)\s*\(", TESTS, None),
    ("aborts outside a contract", r"(?<![\w.>])(std::)?abort\s*\(", r"base/contract\.cpp$|_test\.cpp$", None),
    ("reads the environment", r"\b(secure_)?getenv\b", TESTS, None),
    ("is random without a seed", r"\bs?rand\s*\(|\brandom_device\b", NOWHERE, None),
    ("reads a clock", r"(?<![\w.>])(std::)?time\s*\(\s*(nullptr|NULL|0|&\w+)\s*\)|\bclock_gettime\b", NOWHERE, None),
    ("reads a clock", r"\b(system|steady|high_resolution)_clock\b", NOWHERE, ("device", "cost", "remap")),
    ("asserts instead of GATEFOLD_REQUIRE or Result", r"\bassert\s*\(", TESTS, None),
    ("throws", r"\bthrow\b", TESTS, None),
    ("needs a newer compiler than g++ 12 and clang 14", r"#\s*include\s*<(format|expected|source_location|print)>|\bstd::views::",
     NOWHERE, None),
]
# Split so that this file does not contain them.
UNFINISHED = r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"
MACHINE_PATH = r"(^|[^A-Za-z0-9_.])/(tmp|root|home|work|farm)/"

CPP = (".h", ".cpp")
TEXT = (*CPP, ".py", ".cmake", ".txt", ".md", ".sh", ".yaml", ".yml", ".json", ".in", "")
SKIPPED_FOLDERS = {"build", ".git", ".cache", "__pycache__"}


def text_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            if path.suffix in TEXT and not path.is_symlink() and name != ".git":
                yield path


def blanked(text):
    """The code alone: comments and literals become blanks, lines stay where they are."""
    token = r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\''
    return re.sub(token, lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.DOTALL)


def brace_kind(head):
    """What a brace after `head` opens, outside functions: "function", "scope" (namespace, type) or "values"."""
    in_parentheses = head.count("(") > head.count(")")
    in_initialisers = re.search(r"\)[^{}()]*[^:]:[^:]", head) and re.search(r"\w$", head)
    if in_parentheses or in_initialisers or re.search(r"=\s*$", head):
        return "values"
    if re.search(r"\b(namespace|class|struct|union|enum|concept)\b[^()]*$", head) or "(" not in head:
        return "scope"
    return "function"


def functions(code):
    """(name, first line, last line, body) of each outermost function of blanked C++."""
    code = re.sub(r"^\s*#.*$", "", code, flags=re.MULTILINE)
    scopes, start = [], 0  # each scope: (kind, where its head starts, where its brace is)
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match[0] == "{":
            inside = any(kind == "function" for kind, _, _ in scopes)
            scopes.append(("values" if inside else brace_kind(code[start:at]), start, at))
        elif match[0] == "}" and scopes:
            kind, head_at, brace_at = scopes.pop()
            if kind == "values":
                start = head_at  # the head goes on behind the values
                continue
            if kind == "function":
                head = code[head_at:brace_at]
                name = re.search(r"(operator\s*(?:(?:new|delete)(?:\[\])?|\W+?)|[\w:~]+)\s*\(", head)
                head_at += len(head) - len(head.lstrip())
                yield name[1], code.count("\n", 0, head_at) + 1, code.count("\n", 0, at) + 1, code[brace_at:at]
        start = at + 1


def check_sizes(name, text, used, report):
    lines = text.count("\n")
    if lines > FILE_LINES:
        if name in LONG_FILES:
            used.add(name)
        else:
            report(1, f"{lines} lines; at most {FILE_LINES}")
    if not name.endswith(CPP):
        return
    for function, first, last, body in functions(blanked(text)):
        length = last - first + 1
        if length <= FUNCTION_LINES or not re.search(r"\b(if|for|while|do|catch)\b", body):
            continue
        if (name, function) in LONG_FUNCTIONS:
            used.add((name, function))
        else:
            report(first, f"function {function} has {length} lines; at most {FUNCTION_LINES}")


def check_calls(name, text, report):
    room = re.match(r"src/gatefold/(\w+)/", name)
    if not room or not name.endswith(CPP):
        return
    for number, line in enumerate(blanked(text).splitlines(), 1):
        for what, pattern, exempt, rooms in CALLS:
            if re.search(pattern, line) and not re.search(exempt, name) and (rooms is None or room[1] in rooms):
                report(number, f"the library {what}: {line.strip()}")


def check_head(root, name, text, report):
    path = root / name
    if path.suffix in CPP:
        stem = re.sub(r"_test$", "", path.stem)
        spoken_for = path.suffix == ".cpp" and (path.with_name(stem + ".h").exists()
                                                or (path.stem != stem and path.with_name(stem + ".cpp").exists()))
        if not text.startswith("//") and not spoken_for:
            report(1, "no comment at the head of the file")
    elif path.suffix in (".py", ".sh", ".cmake") or path.name in ("Makefile", "run"):
        body = re.sub(r"^#!.*\n", "", text)
        if not re.match(r'#|"""', body):
            report(1, "no comment at the head of the file")


def check_text(name, text, report):
    is_makefile = name.endswith("Makefile")
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            report(number, "trailing blanks")
        if "\t" in line and not is_makefile:
            report(number, "a tab")
        if re.search(UNFINISHED, line):
            report(number, "something unfinished")
        if re.search(MACHINE_PATH, line):
            report(number, "a path of one machine")
    if text and not text.endswith("\n"):
        report(text.count("\n") + 1, "no newline at the end")
    if name.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
        report(1, "no #pragma once")


def check(root):
    errors, used, count = [], set(), 0
    for path in text_files(root):
        name = path.relative_to(root).as_posix()
        text = path.read_bytes().decode("utf-8", "replace")
        count += 1

        def report(number, what, name=name):
            errors.append(f"{name}:{number}: {what}")

        if name.endswith((*CPP, ".py")):
            check_sizes(name, text, used, report)
        check_calls(name, text, report)
        check_head(root, name, text, report)
        if name != "LICENSE":
            check_text(name, text, report)
    for exception in [*LONG_FILES, *LONG_FUNCTIONS]:
        if exception not in used:
            errors.append(f"tests/tidy.py: the exception for {exception} is no longer needed")
    return errors, count


LONG_BODY = "".join(f"  if (n == {n}) return {n};\n" for n in range(FUNCTION_LINES))
SOUND = {
    "src/gatefold/base/a.h": "// What a holds.\n#pragma once\n\nnamespace gatefold {\nint a(int n);  // throw, exit(1)\n}\n",
    "src/gatefold/base/a.cpp": '#include "gatefold/base/a.h"\n\nconst char* kText = "printf(throw)";\n',
    "src/gatefold/base/a_test.cpp": '#include "gatefold/base/a.h"\n\nint main() { throw 1; }\n',
    "src/gatefold/base/contract.h": "// Contracts.\n#pragma once\n",
    "src/gatefold/base/contract.cpp": '#include "gatefold/base/contract.h"\n\nvoid f() { std::abort(); }\n',
    "src/gatefold/base/list.h": "// A list.\n#pragma once\ninline void list() {\n" + "  add(1);\n" * 90 + "}\n",
    "src/gatefold/runtime/c.h": "// Wall clock.\n#pragma once\nusing Clock = std::chrono::steady_clock;\n",
    "tools/main.cpp": '// The tool.\nint main() { std::printf("x"); return run() ? 0 : exit(1); }\n',
    "scripts/run.sh": "#!/bin/sh\n# Runs.\ntrue\n",
    "Makefile": "# Commands.\nall:\n\ttrue\n",
}


def line_in(room, line):
    return {f"src/gatefold/{room}/v.cpp": f"// Head.\nvoid f() {{\n  {line}\n}}\n"}


VIOLATIONS = [
    ("a long file", {"src/gatefold/base/v.cpp": "// Head.\n" + "int x;\n" * FILE_LINES}, "501 lines"),
    ("a long function", {"src/gatefold/base/v.cpp": f"// Head.\nnamespace x {{\nint f(int n) {{\n{LONG_BODY}}}\n}}\n"},
     "function f has 72 lines"),
    ("a long method", {"src/gatefold/base/v.cpp": f"// Head.\nclass A : B<int> {{\n int f(int n) const {{\n{LONG_BODY}}}\n}};\n"},
     "function f has 72 lines"),
    ("a long constructor", {"src/gatefold/base/v.cpp": f"// Head.\nA::A(int n) : n_{{n}}, m_(1) {{\n{LONG_BODY}}}\n"},
     "function A::A has 72 lines"),
    ("a long function with a default", {"src/gatefold/base/v.cpp": f"// Head.\nvoid f(B b = {{}}) {{\n{LONG_BODY}}}\n"},
     "function f has 72 lines"),
    ("printf", line_in("base", 'std::printf("x");'), "the library prints"),
    ("cout", line_in("base", 'std::cout << "x";'), "the library prints"),
    ("exit", line_in("base", "std::exit(1);"), "the library exits"),
    ("abort", line_in("base", "abort();"), "the library aborts"),
    ("getenv", line_in("base", 'auto x = getenv("X");'), "reads the environment"),
    ("rand", line_in("base", "int x = rand();"), "is random"),
    ("time", line_in("base", "auto x = std::time(nullptr);"), "reads a clock"),
    ("a clock in cost", line_in("cost", "auto x = std::chrono::steady_clock::now();"), "reads a clock"),
    ("assert", line_in("base", "assert(x);"), "asserts"),
    ("throw", line_in("base", "throw Error{};"), "throws"),
    ("std::format", {"src/gatefold/base/v.cpp": "// Head.\n#include <format>\n"}, "newer compiler"),
    ("an unfinished mark", line_in("base", "// TO" "DO: more"), "something unfinished"),
    ("a machine path", line_in("base", 'open("/' 'tmp/x");'), "a path of one machine"),
    ("no pragma once", {"src/gatefold/base/v.h": "// Head.\n"}, "no #pragma once"),
    ("no head", {"src/gatefold/base/v.cpp": "int x;\n"}, "no comment at the head"),
    ("no head in a script", {"scripts/v.sh": "#!/bin/sh\ntrue\n"}, "no comment at the head"),
    ("a tab", line_in("base", "\tf();"), "a tab"),
    ("trailing blanks", line_in("base", "f(); "), "trailing blanks"),
    ("no last newline", {"src/gatefold/base/v.cpp": "// Head."}, "no newline at the end"),
]


def check_tree(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return [error for error in check(root)[0] if "the exception for" not in error]


def self_test():
    missed = [f"the sound tree: {error}" for error in check_tree(SOUND)]
    for name, change, words in VIOLATIONS:
        errors = check_tree({**SOUND, **change})
        if len(errors) != 1 or words not in errors[0]:
            missed.append(f"{name}: want one error with '{words}', have {errors}")
    print("\n".join(missed) or f"tidy: all {len(VIOLATIONS)} violations found")
    return bool(missed)


def main():
    argument = sys.argv[1] if len(sys.argv) > 1 else "."
    if argument == "--self-test":
        sys.exit(self_test())
    errors, count = check(pathlib.Path(argument).resolve())
    print("\n".join(errors) or f"tidy: sound\nfigure: {count} files, 0 violations")
    sys.exit(bool(errors))


main()
