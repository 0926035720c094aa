#!/usr/bin/python3
"""Draws the --json of bench/growth.py as one SVG: a panel for each axis, CPU per heartbeat upwards.

bench/plot.py growth.json docs/growth.svg
"""
import html
import json
import math
import pathlib
import sys

WIDTH, HEIGHT = 440, 300  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 40, 52
PANELS = [  # the axis, its label, whether its steps are factors
    ("users", "users", True),
    ("ttl", "timeout, s", True),
    ("churn", "churn, % of the users a second", False),
    ("trackers", "trackers", True),
]
LINES = [("collector", "collector"), ("tracker", "trackers, all together")]
# Background and text change together, so it can be read wherever it is shown.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px } .end { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: #ffffff } .grid { stroke: #d1d9e0; stroke-width: 1 } .axis { stroke: #59636e; stroke-width: 1 }
.line { fill: none; stroke-width: 2 } .whisker { stroke-width: 1.5 }
.collector { stroke: #0969da; fill: #0969da } .tracker { stroke: #bc4c00; fill: #bc4c00 } .line { fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .grid { stroke: #2f363d } .axis { stroke: #9198a1 }
.collector { stroke: #58a6ff; fill: #58a6ff } .tracker { stroke: #f0883e; fill: #f0883e } .line { fill: none }
}
"""


def step_of(top):
    """A round distance of grid lines, four to eight of them up to `top`."""
    rough = top / 5
    power = 10 ** math.floor(math.log10(rough))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.9)


def short(value):
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


class Panel:
    def __init__(self, left, top, points, logarithmic, highest):
        self.left, self.top, self.points = left, top, points
        self.scale = math.log if logarithmic else float
        ends = self.scale(points[0]["x"]), self.scale(points[-1]["x"])
        margin = 0.04 * ((ends[1] - ends[0]) or 1)
        self.first, self.last, self.highest = ends[0] - margin, ends[1] + margin, highest

    def x(self, value):
        inner = WIDTH - LEFT - RIGHT
        return self.left + LEFT + inner * (self.scale(value) - self.first) / (self.last - self.first)

    def y(self, value):
        return self.top + HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.highest

    def draw(self, label, step):
        left, right, floor = self.left + LEFT, self.left + WIDTH - RIGHT, self.y(0)
        yield text(left, self.top + 22, f"CPU s per 1M heartbeats, by {label.split(',')[0]}", "title")
        for n in range(round(self.highest / step) + 1):
            y = self.y(n * step)
            yield f'<line class="{"grid" if n else "axis"}" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield text(left - 8, y + 4, f"{n * step:g}", "end")
        for point in self.points:
            x = self.x(point["x"])
            yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{floor:.1f}" y2="{floor + 4:.1f}"/>'
            yield text(x, floor + 18, short(point["x"]), "middle")
        yield text((left + right) / 2, floor + 38, label, "middle")
        for shift, (measure, _) in zip((-2, 2), LINES):  # side by side where whiskers meet
            yield from self.line(measure, shift)

    def line(self, measure, shift):
        at = [(self.x(p["x"]) + shift, p[measure]) for p in self.points]
        path = " ".join(f"{x:.1f},{self.y(each['median']):.1f}" for x, each in at)
        yield f'<polyline class="line {measure}" points="{path}"/>'
        for x, each in at:
            low, high = self.y(each["min"]), self.y(each["max"])
            yield f'<path class="whisker {measure}" d="M{x:.1f} {low:.1f}V{high:.1f}' + "".join(
                f"M{x - 4:.1f} {y:.1f}h8" for y in (low, high)) + '"/>'
            yield f'<circle class="{measure}" cx="{x:.1f}" cy="{self.y(each["median"]):.1f}" r="3"/>'


def text(x, y, words, kind):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(words)}</text>'


def drawing(figures):
    axes = figures["axes"]
    panels = [panel for panel in PANELS if axes.get(panel[0])]
    top = max(point[measure]["max"] for name, _, _ in panels for point in axes[name] for measure, _ in LINES)
    step = step_of(top)
    highest = step * math.ceil(top * 1.02 / step)  # the same in all panels, so that they compare
    width, height = 2 * WIDTH, HEIGHT * math.ceil(len(panels) / 2) + 34
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
           f'height="{height}" role="img">')
    yield "<title>How the cost of a heartbeat grows with users, timeout, churn and trackers</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}"/>'
    for i, (name, label, logarithmic) in enumerate(panels):
        panel = Panel(i % 2 * WIDTH, i // 2 * HEIGHT, axes[name], logarithmic, highest)
        yield from panel.draw(label, step)
    for i, (measure, label) in enumerate(LINES):
        x, y = LEFT + 110 * i, height - 16
        yield f'<line class="line {measure}" x1="{x}" x2="{x + 20}" y1="{y - 4}" y2="{y - 4}"/>'
        yield f'<circle class="{measure}" cx="{x + 10}" cy="{y - 4}" r="3"/>' + text(x + 28, y, label, "")
    yield text(width - RIGHT, height - 16, f"{figures['rate']:,} heartbeats a second; medians of "
               f"{figures['rounds']} rounds, least to most", "end")
    yield "</svg>"


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__.strip())
    figures = json.loads(pathlib.Path(sys.argv[1]).read_text())
    pathlib.Path(sys.argv[2]).write_text("\n".join(drawing(figures)) + "\n")


if __name__ == "__main__":
    main()
