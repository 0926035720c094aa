"""Finds the mutants of a C++ source, and weaves them all into it, each behind a number (switch.hpp).

It reads the text as clang-format leaves it: operators of two sides stand between spaces, templates' brackets do not.
"""

import collections
import re

# line: from 1. what: the change in words. code: the line as it is. nth: of several of the same words and code, from 1. inserts:
# (position, place, text), place orders those of one position: what ends there comes before what begins there, inner ends and
# outer beginnings first.
Mutant = collections.namedtuple("Mutant", "line what code nth inserts")

OPERATORS = {"<": ("Less", "<="), "<=": ("LessEqual", "<"), ">": ("Greater", ">="), ">=": ("GreaterEqual", ">"),
             "==": ("Equal", "!="), "!=": ("NotEqual", "=="), "+": ("Plus", "-"), "-": ("Minus", "+")}
OPEN, CLOSE = "([{", ")]}"
# Begins a statement that does nothing by itself, or one whose loss is no question: numbers for operators decide nothing.
NOT_LEFT_OUT = re.compile(r"(return|const|constexpr|auto|using|case|default|static|friend|else|for|while|if|do|switch|break"
                          r"|continue|struct|class|namespace|template|public|private)\b"
                          r"|(\+\+)?[\w.>-]*(counters|rejects)_?\[|\+\+out\.|#|\[")
DECLARES = re.compile(r"[\w:]+(<[^;=]*>)?[&*]?\s+[&*]?\w+\s*([=;({\[]|$)")


def blank(text):
    """The text with comments, and what is in quotes, as spaces: positions stay."""
    def spaces(found):
        return re.sub(r"[^\n]", " ", found[0])

    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![\w'])'(?:\\.|[^'\\\n])'|^\s*#[^\n]*",
                  lambda found: '"' + " " * (len(found[0]) - 2) + '"' if found[0][0] in "\"'" else spaces(found),
                  text, flags=re.S | re.M)


class Source:
    def __init__(self, text):
        self.text = text
        self.code = blank(text)
        self.match = {}  # of each bracket, the other one
        self.inside = [False] * (len(text) + 1)  # a function's body
        self._read_brackets()
        self.mutants = []

    def _read_brackets(self):
        stack, functions, since = [], 0, 0
        for at, char in enumerate(self.code):
            self.inside[at] = functions > 0
            if char in OPEN:
                body = False
                if char == "{":
                    before = self.code[since:at]
                    scope = re.search(r"\b(namespace|class|struct|enum|union)\b[^()]*$", before)
                    body = not scope and ("(" in before or functions > 0)
                    since = at + 1
                stack.append((at, body))
                functions += body
            elif char in CLOSE and stack:
                opened, body = stack.pop()
                functions -= body
                self.match[opened], self.match[at] = at, opened
                if char == "}":
                    since = at + 1
            elif char == ";" and not any(self.code[o] == "(" for o, _ in stack[-1:]):
                since = at + 1

    def line(self, at):
        return self.text.count("\n", 0, at) + 1

    def line_text(self, at):
        begin = self.text.rfind("\n", 0, at) + 1
        return self.text[begin:self.text.find("\n", at)].strip()

    def add(self, at, what, *inserts):
        if self.inside[at] and "constexpr" not in self.line_text(at):
            self.mutants.append(Mutant(self.line(at), what, self.line_text(at), 1, inserts))

    def operand(self, at, step, stops):
        """How far the operand reaches that begins (ends) at `at`: to one of `stops`, or what ends an expression."""
        code = self.code
        while 0 <= at < len(code):
            char = code[at]
            if (char in CLOSE if step < 0 else char in OPEN) and at in self.match:
                at = self.match[at] + step
                continue
            if char in ";,?{}()[]" or (char == ":" and code[at - 1] != ":" and code[at + 1] != ":"):
                break
            if char == "=" and code[at - 1] not in "=<>!" and code[at + 1] != "=":
                break
            if step < 0 and re.fullmatch(r"\Wreturn", code[at - 6:at + 1]):
                break
            if code[at:at + 2] in stops or (step < 0 and code[at - 1:at + 1] in stops):
                break
            at += step
        return at

    def statement_end(self, at):
        """Past the semicolon of the statement at `at`; `at` itself if it has none of its own."""
        code, begin = self.code, at
        while at < len(code):
            if code[at] in OPEN and at in self.match:
                at = self.match[at] + 1
            elif code[at] == ";":
                return at + 1
            elif code[at] in CLOSE:
                return begin
            else:
                at += 1
        return begin

    def trim(self, begin, end):
        while begin < end and self.code[begin].isspace():
            begin += 1
        while end > begin and self.code[end - 1].isspace():
            end -= 1
        return begin, end


def wrap(begin, end, before, after):
    length = end - begin
    return (begin, (1, -length), before), (end, (0, length), after)


def operators(source):
    for found in re.finditer(r"(?<=\s)(<=|>=|==|!=|<|>|\+|-)(?=\s)", source.code):
        name, other = OPERATORS[found[0]]
        source.add(found.start(), f"{found[0]} -> {other}",
                   (found.end(), (2, 0), f" ::presence::mutation::{name}<@>{{}} {found[0]}"))


def logic(source):
    # De Morgan: a && b is !(!a || !b), so that each side stays where it is.
    for found in re.finditer(r"(?<=\s)(&&|\|\|)(?=\s)", source.code):
        this, other = (("&&", "||") if found[0] == "&&" else ("||", "&&"))
        left = source.trim(source.operand(found.start() - 1, -1, ("||",) if this == "&&" else ()) + 1, found.start())
        right = source.trim(found.end(), source.operand(found.end(), 1, ("&&", "||") if this == "&&" else ("||",)))
        after = ") != ::presence::mutation::on(@))"
        source.add(found.start(), f"{this} -> {other}",
                   *wrap(left[0], right[1], "((", after), *wrap(*left, "(static_cast<bool>(", after),
                   *wrap(*right, "(static_cast<bool>(", after))


def extremes(source):
    for found in re.finditer(r"\bstd::(max|min)(<([\w:]+)>)?(?=\()", source.code):
        most = "true" if found[1] == "max" else "false"
        kind = f", {found[3]}" if found[3] else ""
        # Cut away what stands there.
        source.add(found.start(), f"std::{found[1]} -> std::{'min' if found[1] == 'max' else 'max'}",
                   (found.start(), (2, 0), f"::presence::mutation::Extreme<@, {most}{kind}>{{}} /*"),
                   (found.end(), (0, 0), "*/"))


def literals(source):
    for found in re.finditer(r"(?<![<\w])(true|false)\b(?!>)", source.code):
        source.add(found.start(), f"{found[0]} -> {'false' if found[0] == 'true' else 'true'}",
                   *wrap(found.start(), found.end(), "(", " != ::presence::mutation::on(@))"))


def conditions(source):
    code = source.code
    for found in re.finditer(r"\b(if|while) \(", code):
        opened = found.end() - 1
        closed = source.match[opened]
        begin = opened + 1
        depth = 0
        for at in range(begin, closed):
            depth += (code[at] in OPEN) - (code[at] in CLOSE)
            if code[at] == ";" and depth == 0:
                begin = at + 1
        begin, end = source.trim(begin, closed)
        if re.search(r"(?<![=<>!])=(?!=)", re.sub(r"\[[^\]]*\]", "", code[begin:end])):
            continue  # it declares something
        source.add(found.start(), f"{found[1]} negated",
                   *wrap(begin, end, "(static_cast<bool>(", ") != ::presence::mutation::on(@))"))
        body = code[closed + 1:].lstrip()
        if found[1] == "if" and re.match(r"(return|continue|break)\b", body):
            source.add(found.start(), "never left there",
                       *wrap(begin, end, "(static_cast<bool>(", ") && !::presence::mutation::on(@))"))


def statements(source):
    code = source.code
    for found in re.finditer(r"^[ \t]+(?=[\w:*+\-(\[#])", code, flags=re.M):
        at = found.end()
        before = len(code[:at].rstrip()) - 1
        if before < 0 or not source.inside[at]:
            continue
        if code[before] == ")":
            opened = source.match.get(before, 0)
            if not re.search(r"\b(if|for|while|constexpr) $", code[:opened]):
                continue
        elif code[before] not in ";{}" and not code[:before + 1].endswith("else"):
            continue
        end = source.statement_end(at)
        text = code[at:end]
        if end == at or NOT_LEFT_OUT.match(text) or DECLARES.match(text):
            continue
        source.add(at, "left out", *wrap(at, end, "{ if (!::presence::mutation::on(@)) { ", " } }"))


def find(text):
    source = Source(text)
    for kind in (operators, logic, extremes, literals, conditions, statements):
        kind(source)
    counts = collections.Counter()
    result = []
    for one in sorted(source.mutants, key=lambda one: (one.line, one.what)):
        counts[one.what, one.code] += 1
        result.append(one._replace(nth=counts[one.what, one.code]))
    return result


def weave(text, mutants):
    """The text with these (number, mutant) in it. Its lines move down by one, for the include."""
    # Of two around the same text, what begins first ends last.
    inserts = sorted((position, place, -number if place[0] == 0 else number, what.replace("@", str(number)))
                     for number, mutant in mutants for position, place, what in mutant.inserts)
    parts, last = [], 0
    for position, _, _, what in inserts:
        parts += [text[last:position], what]
        last = position
    woven = "".join(parts) + text[last:]
    include = '#include "tests/mutation/switch.hpp"\n'
    once = "#pragma once\n"
    return once + include + woven[len(once):] if woven.startswith(once) else include + woven
