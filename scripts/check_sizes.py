#!/usr/bin/env python3
"""No file of the tree is over 500 lines, no function of trainer/ over 80."""

import re

import tree

FILE_LINES, FUNCTION_LINES = 500, 80

# Comments and literals, whose braces mean nothing. A raw string ends with its own delimiter.
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|\bu?8?[LU]?R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                      r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
SCOPE = re.compile(r"(^|[\s;>])(namespace|class|struct|union|enum|extern)\b")
BEFORE_SIGNATURE = re.compile(r"\s*((public|private|protected)\s*:\s*)*")
INITIALIZER_LIST = re.compile(r"\)\s*(noexcept\s*)?:[^:?]")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    """`text` with comments, literals and preprocessor lines blanked; every line keeps its number."""
    return PREPROCESSOR.sub(blank, NOT_CODE.sub(blank, text))


def brace_kind(header):
    """What an opening brace at namespace or class scope begins, from the text before it."""
    before = header.rstrip()
    if INITIALIZER_LIST.search(before) and re.search(r"[\w>]$", before):
        return "member initializer"
    if SCOPE.search(before) and "(" not in re.sub(r"\b(alignas|__attribute__)\s*\([^)]*\)", "", before):
        return "scope"
    return "function" if "(" in before else "value"


def function_sizes(text):
    """(name, first line, lines) of every function body at namespace or class scope."""
    code = code_only(text)
    sizes, stack, start = [], [], 0
    for match in re.finditer(r"[{};]", code):
        position = match.start()
        at_scope = all(kind == "scope" for kind, _ in stack)
        if match.group() == "{":
            header = code[start:position]
            stack.append((brace_kind(header) if at_scope else "inner", start))
            if stack[-1][0] == "scope":
                start = position + 1
        elif match.group() == "}":
            if not stack:
                continue
            kind, begun = stack.pop()
            if kind == "function":
                begun += len(BEFORE_SIGNATURE.match(code[begun:position]).group())
                first, last = code.count("\n", 0, begun) + 1, code.count("\n", 0, position) + 1
                names = re.findall(r"([\w:~]+)\s*\(", code[begun:position])
                sizes.append((names[0] if names else "?", first, last - first + 1))
            if kind in ("function", "scope"):
                start = position + 1
        elif at_scope:
            start = position + 1
    return sizes


def main():
    source = tree.options(__doc__).source
    paths = tree.files(source, ["trainer", "tests", "scripts"], (".h", ".cpp", ".cu", ".py", ".sh", ".cmake"))
    problems = []
    for path in paths:
        text = tree.read(source, path)
        lines = len(text.splitlines())
        if lines > FILE_LINES:
            problems.append(f"{path}:{FILE_LINES + 1}: {lines} lines, at most {FILE_LINES}")
        if path.startswith("trainer/") and path.endswith((".h", ".cpp", ".cu")):
            problems += [f"{path}:{first}: {name} has {size} lines, at most {FUNCTION_LINES}"
                         for name, first, size in function_sizes(text) if size > FUNCTION_LINES]
    tree.report(problems, len(paths))


if __name__ == "__main__":
    main()
