"""Checks who includes whom: layering.py [--self-test | ROOT].

1. A file of src/gatefold/<room> includes only rooms that its CMakeLists.txt declares (gatefold_add_room .. DEPENDS),
   directly or through another room; the declared arrows form no cycle; no room links another behind DEPENDS' back.
2. FORBIDDEN: arrows that may not exist however they are declared (the invariants of ARCHITECTURE.md).
3. THIRD_PARTY: each foreign header belongs to one place. A header that no line names is refused, so that a new
   library is a decision written down here.
"""
import pathlib
import re
import sys
import tempfile

# (room, room it must never reach)
FORBIDDEN = [
    *(("device", room) for room in ("model", "onnx", "kernels", "graph")),
    *((room, "device") for room in ("model", "onnx", "kernels", "graph")),
    *((room, acting) for room in ("cost", "remap") for acting in ("runtime", "host", "report")),
]

# Header pattern -> {folder: number of files that may include it, None for any number}; without a table: anywhere. A folder
# is a room, or a top-level folder outside src/gatefold; "tests" stands for every test file. Test files do not count.
THIRD_PARTY = [
    (r"google/protobuf/|onnx/|.*\.pb\.h$", {"onnx": None}),
    (r"dnnl|oneapi/|omp\.h$", {"kernels": None}),
    (r"(immintrin|emmintrin|x86intrin|cpuid)\.h$", {"kernels": None}),
    (r"hwloc", {"host": None}),
    (r"(pthread|sched)\.h$|linux/", {"host": None, "tools": None, "tests": None}),
    (r"(unistd|fcntl)\.h$|sys/", {"base": 1, "host": None, "tools": None, "tests": None}),  # base: whole-file I/O
    (r"yaml-cpp/", {"device": 2, "runtime": 2}),
    (r"nlohmann/", {"report": 2, "tools": 1}),
    (r"CLI/", {"tools": 1}),
    (r"stb/|stb_", {"tools": 1, "report": 1}),
    (r"fmt/", None),
    (r"benchmark/", {"bench": None}),
]
TEST_ONLY = r"(gtest|gmock)/"
# The standard library: no folder, no suffix.
STANDARD = r"[a-z_0-9]+$"

FOLDERS = ("tools", "models", "tests", "bench", "fuzz", "examples")  # besides src/gatefold/<room>


def cpp_files(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in (".h", ".cpp"))


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
            yield number, match[1] == '"', match[2]


def declared_arrows(rooms, errors):
    arrows = {}
    for room in rooms:
        cmake = room / "CMakeLists.txt"
        text = re.sub(r"#.*", "", cmake.read_text()) if cmake.exists() else ""
        match = re.search(r"gatefold_add_room\(\s*(\w+)(?:\s+DEPENDS\s+([\w\s]*))?\)", text)
        if not match or match[1] != room.name:
            errors.append(f"{cmake}: want gatefold_add_room({room.name} ..)")
            arrows[room.name] = set()
            continue
        arrows[room.name] = set((match[2] or "").split())
        for links in re.findall(rf"target_link_libraries\(\s*gatefold_{room.name}\s([^)]*)\)", text):
            for other in re.findall(r"gatefold::(\w+)|\bgatefold_(\w+)", links):
                errors.append(f"{cmake}: links room '{other[0] or other[1]}' outside DEPENDS")
    return arrows


def reachable(room, arrows):
    seen, todo = set(), [room]
    while todo:
        for other in arrows.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def is_test_file(path, folder):
    return path.name.endswith("_test.cpp") or folder in ("tests", "fuzz")


def check_third_party(root, path, number, folder, header, users, errors):
    where = f"{path.relative_to(root)}:{number}"
    is_test = is_test_file(path, folder)
    if folder == "tests":
        folder = path.relative_to(root / "tests").parts[0]  # tests/<room> holds tests of that room
    if re.match(TEST_ONLY, header):
        if not is_test:
            errors.append(f"{where}: <{header}> belongs to tests")
        return
    for pattern, allowed in THIRD_PARTY:
        if not re.match(pattern, header):
            continue
        if allowed is not None and folder not in allowed and not (is_test and "tests" in allowed):
            errors.append(f"{where}: '{folder}' may not include <{header}>; allowed: {', '.join(allowed)}")
        elif allowed is not None and not is_test:
            users.setdefault((pattern, folder), set()).add(path.relative_to(root))
        return
    errors.append(f"{where}: <{header}> is neither standard nor in THIRD_PARTY of tests/layering.py")


def check(root):
    errors, users = [], {}
    src = root / "src" / "gatefold"
    rooms = sorted(folder for folder in src.iterdir() if folder.is_dir() and cpp_files(folder))
    arrows = declared_arrows(rooms, errors)
    reach = {room: reachable(room, arrows) for room in arrows}
    for room in reach:
        if room in reach[room]:
            errors.append(f"room '{room}' depends on itself through {', '.join(sorted(arrows[room]))}")
    for room, other in FORBIDDEN:
        if other in reach.get(room, ()):
            errors.append(f"room '{room}' must never depend on '{other}'")

    places = [(room.name, room) for room in rooms] + [(name, root / name) for name in FOLDERS if (root / name).is_dir()]
    files = 0
    for folder, path in ((name, path) for name, place in places for path in cpp_files(place)):
        files += 1
        for number, quoted, header in includes(path):
            if match := re.match(r"gatefold/(\w+)/", header):
                if folder in arrows and match[1] != folder and match[1] not in reach[folder]:
                    where = f"{path.relative_to(root)}:{number}"
                    errors.append(f"{where}: room '{folder}' may not include room '{match[1]}'")
            elif quoted and (path.parent / header).exists():
                if folder in arrows:
                    errors.append(f'{path.relative_to(root)}:{number}: write "gatefold/{folder}/{header}"')
            elif quoted and (root / "tests" / header).exists():
                if not is_test_file(path, folder):
                    errors.append(f"{path.relative_to(root)}:{number}: <{header}> belongs to tests")
            elif quoted or not re.match(STANDARD, header):
                check_third_party(root, path, number, folder, header, users, errors)

    for pattern, allowed in THIRD_PARTY:
        for folder, limit in (allowed or {}).items():
            found = users.get((pattern, folder), set())
            if limit is not None and len(found) > limit:
                names = ", ".join(str(path) for path in sorted(found))
                errors.append(f"'{folder}' may include {pattern} in {limit} file(s), found {len(found)}: {names}")
    return errors, len(rooms), files


# A tree without a fault, and for each rule a change to it with the words of the complaint.
SOUND = {
    "src/gatefold/base/CMakeLists.txt": "gatefold_add_room(base)\ntarget_link_libraries(gatefold_base PUBLIC fmt::fmt)\n",
    "src/gatefold/base/a.h": "#include <vector>\n#include <fmt/format.h>\n",
    "src/gatefold/device/CMakeLists.txt": "gatefold_add_room(device DEPENDS base)\n",
    "src/gatefold/device/a.cpp": '#include <yaml-cpp/yaml.h>\n#include "gatefold/base/a.h"\n',
    "src/gatefold/model/CMakeLists.txt": "gatefold_add_room(model DEPENDS base)\n",
    "src/gatefold/model/a_test.cpp": '#include <gtest/gtest.h>\n#include <unistd.h>\n#include "onnx/helper.h"\n',
    "tests/onnx/helper.h": "#include <gtest/gtest.h>\n#include <onnx/onnx_pb.h>\n",
    "src/gatefold/onnx/CMakeLists.txt": "gatefold_add_room(onnx DEPENDS model)\n",
    "src/gatefold/onnx/a.cpp": '#include <onnx/onnx_pb.h>\n#include "gatefold/base/a.h"\n',
    "tools/main.cpp": '#include <CLI/CLI.hpp>\n#include "gatefold/onnx/a.h"\n#include "help.h"\n',
    "tools/help.h": "#include <string>\n",
}
VIOLATIONS = [
    ("an undeclared room", {"src/gatefold/base/b.cpp": '#include "gatefold/model/a.h"\n'}, "may not include room 'model'"),
    ("a forbidden include", {"src/gatefold/device/b.cpp": '#include "gatefold/model/a.h"\n'}, "may not include room 'model'"),
    ("a forbidden arrow", {"src/gatefold/device/CMakeLists.txt": "gatefold_add_room(device DEPENDS onnx)\n"},
     "'device' must never depend on 'model'"),
    ("a cycle", {"src/gatefold/base/CMakeLists.txt": "gatefold_add_room(base DEPENDS model)\n"}, "depends on itself"),
    ("a hidden link", {"src/gatefold/model/CMakeLists.txt": "gatefold_add_room(model DEPENDS base)\n"
                       "target_link_libraries(gatefold_model PRIVATE gatefold::onnx)\n"}, "links room 'onnx' outside"),
    ("protobuf outside onnx", {"src/gatefold/model/b.h": "#include <google/protobuf/message.h>\n"}, "'model' may not"),
    ("protobuf in the tests of another room", {"tests/model/b.h": "#include <onnx/onnx_pb.h>\n"}, "'model' may not"),
    ("oneDNN outside kernels", {"src/gatefold/onnx/b.cpp": "#include <dnnl.hpp>\n"}, "allowed: kernels"),
    ("hwloc outside host", {"src/gatefold/device/b.cpp": "#include <hwloc.h>\n"}, "allowed: host"),
    ("JSON in a quoted include", {"src/gatefold/base/b.cpp": '#include "nlohmann/json.hpp"\n'}, "allowed: report, tools"),
    ("a second CLI11 file", {"tools/b.cpp": "#include <CLI/CLI.hpp>\n"}, "'tools' may include CLI/ in 1 file(s), found 2"),
    ("an unknown library", {"src/gatefold/base/b.cpp": "#include <boost/any.hpp>\n"}, "neither standard nor"),
    ("gtest outside tests", {"src/gatefold/base/b.cpp": "#include <gtest/gtest.h>\n"}, "belongs to tests"),
    ("a helper of the tests outside tests", {"src/gatefold/base/b.cpp": '#include "onnx/helper.h"\n'}, "belongs to tests"),
    ("the system outside host", {"src/gatefold/model/b.cpp": "#include <unistd.h>\n"}, "allowed: base, host, tools, tests"),
    ("a relative include", {"src/gatefold/base/b.cpp": '#include "a.h"\n'}, 'write "gatefold/base/a.h"'),
]


def check_tree(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return check(root)[0]


def self_test():
    missed = [f"the sound tree: {error}" for error in check_tree(SOUND)]
    for name, change, words in VIOLATIONS:
        errors = check_tree({**SOUND, **change})
        if not any(words in error for error in errors):
            missed.append(f"{name}: not reported as '{words}', but {errors}")
    print("\n".join(missed) or f"layering: all {len(VIOLATIONS)} violations found")
    return bool(missed)


def main():
    argument = sys.argv[1] if len(sys.argv) > 1 else "."
    if argument == "--self-test":
        sys.exit(self_test())
    errors, rooms, files = check(pathlib.Path(argument).resolve())
    print("\n".join(errors) or f"layering: sound\nfigure: {rooms} rooms, {files} files, 0 violations")
    sys.exit(bool(errors))


main()
