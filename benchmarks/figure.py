"""The read paths as a table and as one figure, from what was measured and the prices."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import costs

USERS = (10_000, 1_000_000, 100_000_000)
# One colour a path; each is legible on white and on near black.
COLOURS = {"DynamoDB": "#d9822b", "DAX": "#2f80c9", "DAX and API cache": "#2aa17a"}
GREY = "#808891"
Runs = Mapping[str, Mapping[str, Any]]


def table(runs: Runs) -> str:
    """The measurements and the bills as Markdown."""
    usage = costs.Usage()
    rows = [["", *costs.PATHS], ["---", *["--:"] * len(costs.PATHS)]]
    rows += [[name, *(shown(runs[path]) for path in costs.PATHS)] for name, shown in MEASURES.items()]
    for users in USERS:
        bills = [sum(costs.monthly(path, users, runs, usage).values()) for path in costs.PATHS]
        rows.append([f"a month for {people(users)} users", *(f"${bill:,.0f}" for bill in bills)])
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{text}\n\n{verdict(runs)}\n"


def verdict(runs: Runs) -> str:
    """From which load on each cache pays."""
    usage = costs.Usage()
    pairs = ((costs.PATHS[1], costs.PATHS[0]), (costs.PATHS[2], costs.PATHS[1]))
    found = [costs.pays_from(path, than, runs, usage) for path, than in pairs]
    names = ("DAX", "API Gateway's cache before it")
    said = [
        f"{name} pays from {people(n)} users on" if n else f"{name} never pays"
        for name, n in zip(names, found, strict=True)
    ]
    return "; ".join(said) + f" ({usage.requests_a_day:g} requests a user and day)."


def digest(runs: Runs) -> str:
    """What the figure was drawn from, as its own metadata has it: a figure that is older than the prices tells."""
    drawn_from = json.dumps([runs, costs.PRICES, repr(costs.Usage())], sort_keys=True)
    return "drawn from " + hashlib.sha256(drawn_from.encode()).hexdigest()[:16]


def people(number: float) -> str:
    """10 k, 1 M, 100 M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.2g} {letter}" if number / size < 100 else f"{number / size:.0f} {letter}"
    return f"{number:.0f}"


def share(hits: int, misses: int) -> str:
    """A hit rate."""
    return f"{hits / (hits + misses):.1%}" if hits + misses else "–"


MEASURES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "reads a second, one after another": lambda run: f"{run['reads_per_second']:.0f}",
    "median of a read": lambda run: f"{run['p50_ms']:.1f} ms",
    "95th percentile of a read": lambda run: f"{run['p95_ms']:.1f} ms",
    "DAX item cache hits": lambda run: share(run["item_hits"], run["item_misses"]),
    "DAX query cache hits": lambda run: share(run["query_hits"], run["query_misses"]),
    "API Gateway cache hits": lambda run: share(run["api_hits"], run["api_misses"]),
    "Lambda calls a request": lambda run: f"{run['function_calls'] / run['requests']:.2f}",
    "read units a request": lambda run: f"{run['read_units'] / run['requests']:.2f}",
    "write units a request": lambda run: f"{run['write_units'] / run['requests']:.2f}",
}


def draw(runs: Runs, folder: Path) -> None:
    """Draw `read-path.svg` and `read-path.png`: latency, read units, and the bill without what is the same on all."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    settings: Any = {
        "svg.hashsalt": "read-path",
        "svg.fonttype": "path",
        "font.size": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY),
    }
    with mpl.rc_context(settings):
        shape, (latency, units, bill) = pyplot.subplots(1, 3, figsize=(11, 3.5), width_ratios=(1, 1, 1.7))
        _bars(latency, [runs[path]["p50_ms"] for path in costs.PATHS], "median of a read, ms", "{:.1f}")
        reads = [runs[path]["read_units"] / runs[path]["requests"] for path in costs.PATHS]
        _bars(units, reads, "read units a request", "{:.2f}")
        _bills(bill, runs)
        shape.tight_layout(w_pad=2.5)
        folder.mkdir(parents=True, exist_ok=True)
        shape.savefig(folder / "read-path.svg", transparent=True, metadata={"Date": None, "Title": digest(runs)})
        shape.savefig(folder / "read-path.png", transparent=True, dpi=160, metadata={"Software": None})
        pyplot.close(shape)


def _bars(axes: Any, values: Sequence[float], title: str, form: str) -> None:
    names = [path.replace("DAX and ", "DAX and\n") for path in costs.PATHS]
    drawn = axes.bar(names, values, color=[COLOURS[path] for path in costs.PATHS], width=0.62)
    axes.bar_label(drawn, labels=[form.format(value) for value in values], padding=3, color=GREY, fontweight="bold")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY, pad=12)
    axes.set_yticks([])
    axes.margins(y=0.12)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", length=0)


def _bills(axes: Any, runs: Runs) -> None:
    usage = costs.Usage()
    users = [10 ** (3 + step / 20) for step in range(101)]
    for path in costs.PATHS:
        a_user = [1000 * _path_bill(path, number, runs, usage) / number for number in users]
        axes.plot(users, a_user, color=COLOURS[path], linewidth=2.2, label=path)
    for path, than in ((costs.PATHS[1], costs.PATHS[0]), (costs.PATHS[2], costs.PATHS[1])):
        if number := costs.pays_from(path, than, runs, usage):
            height = 1000 * _path_bill(path, number, runs, usage) / number
            axes.plot([number], [height], "o", color=COLOURS[path], markersize=7)
            axes.annotate(
                f"pays from {people(number)}",
                (number, height),
                (8, 10),
                textcoords="offset points",
                color=COLOURS[path],
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks([1e3, 1e4, 1e5, 1e6, 1e7, 1e8], [people(10.0**power) for power in range(3, 9)])
    axes.set_xlabel("users")
    axes.yaxis.set_major_formatter(lambda value, _: f"${value:g}")
    axes.set_title(
        "a month for 1,000 users, reads only", loc="left", fontsize=11, fontweight="bold", color=GREY, pad=12
    )
    axes.legend(frameon=False, labelcolor=GREY, loc="upper right")
    axes.grid(visible=True, which="major", color=GREY, alpha=0.18)


def _path_bill(path: str, users: float, runs: Runs, usage: costs.Usage) -> float:
    """The parts of the bill that differ between the paths: API requests and writes are the same on all."""
    parts = costs.monthly(path, users, runs, usage)
    return sum(price for name, price in parts.items() if name not in ("API requests", "DynamoDB writes"))
