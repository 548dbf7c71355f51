"""The command ``cxml``: words and progress bars on top of ``cxml.jobs``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cxml.cli.console import Talk, log_to
from cxml.errors import ConfigError, CxmlError, DataError
from cxml.jobs.context import LOG
from cxml.version import __version__

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="cxml",
    help="Who leaves, what they are worth, and which experience drives it: from service events to a call list.",
    epilog="Start with: cxml demo   then: cxml init my_company",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: boxes would double the time it takes to appear
    add_completion=False,
)

Config = Annotated[Path, typer.Argument(help="a cxml.toml, or the folder it lies in", metavar="CONFIG")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="output folder; default runs/<job> beside the config", metavar="DIR"),
]
Languages = Annotated[
    list[str] | None, typer.Option(help="en or ko, repeatable; default the config's languages")
]
Cutoff = Annotated[
    str | None,
    typer.Option(help="instant to look from, such as 2026-01-01; default observation_end", metavar="T"),
]


talk = Talk()


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"cxml {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as one line of JSON")] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="append each line, with its time and level, to this file", metavar="FILE"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    talk.quiet, talk.json = quiet, as_json
    if log is not None:
        log_to(log)


@app.command(epilog="Example: cxml demo my_demo --customers 5000")
def demo(
    folder: Annotated[Path, typer.Argument(help="where everything goes", metavar="[DIR]")] = Path(
        "cxml-demo"
    ),
    customers: Annotated[int, typer.Option(help="customers to simulate")] = 20_000,
    seed: Annotated[int, typer.Option(help="seed of the simulation")] = 0,
) -> None:
    """Do the whole job on a simulated company.

    Simulates, checks, trains, scores and reports, and prints where to look.
    """
    from cxml import jobs

    with talk.bar("scoring") as progress:
        made = jobs.demo(folder, customers=customers, seed=seed, tell=talk.tell, progress=progress)
    talk.result(
        {
            "report": made.report / "report.en.html",
            "korean": made.report / "report.ko.html",
            "call list": made.report / "call_list.xlsx",
            "scores": made.score / "scores.parquet",
            "model": made.train / "info.md",
            "config": made.config,
        }
    )


@app.command(epilog="Example: cxml simulate company --customers 20000 --months 24 --seed 7")
def simulate(
    folder: Annotated[Path, typer.Argument(help="output folder", metavar="DIR")],
    customers: Annotated[int, typer.Option(help="customers")] = 20_000,
    months: Annotated[int, typer.Option(help="months of history")] = 24,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 0,
) -> None:
    """Write a company whose truth is known.

    Tables as Parquet, a cxml.toml that reads them, and truth/, which no model sees.
    """
    from cxml import jobs

    made = jobs.simulate(folder, customers=customers, months=months, seed=seed)
    talk.result({"config": made / "cxml.toml", "truth": made / "truth"})


@app.command(epilog="Example: cxml init my_company")
def init(folder: Annotated[Path, typer.Argument(help="a new folder", metavar="DIR")]) -> None:
    """Make a pipeline folder to fill in.

    Its cxml.toml shows every choice with its default.
    """
    from cxml import jobs

    made = jobs.init(folder)
    talk.result({"config": made, "next": f"fill it in, then run: cxml check {made}"})


@app.command(epilog="Example: cxml check pipelines/anonymous_bank")
def check(config: Config) -> None:
    """Check tables, say what can be measured.

    Every problem of every table at once, and which factors the tables allow.
    """
    from cxml import jobs

    found = jobs.check(config)
    if talk.json:
        problems = [p.__dict__ for p in found.check.problems]
        rows = {"rows": found.check.rows, **found.check.set_aside.as_info()}
        talk.result(
            {
                "problems": problems,
                **rows,
                "coverage": found.coverage,
                "notes": found.check.notes,
                "months": found.check.months,
                "columns": [vars(one) for one in found.check.columns],
            }
        )
        raise typer.Exit(DataError.exit_code if problems else 0)
    if not talk.quiet:
        talk.check(found)
    found.check.raise_if_any()


@app.command(epilog="Example: cxml features company --cutoff 2026-01-01 --out features.parquet")
def features(
    config: Annotated[
        Path | None,
        typer.Argument(help="a cxml.toml, or the folder it lies in; --list does without", metavar="CONFIG"),
    ] = None,
    *,
    cutoff: Cutoff = None,
    before: Annotated[
        str,
        typer.Option(
            help="how long before the cutoff to look at the same customers, such as 90D", metavar="SPAN"
        ),
    ] = "0D",
    out: Annotated[Path, typer.Option(help="Parquet file to write", metavar="FILE")] = Path(
        "features.parquet"
    ),
    sql: Annotated[bool, typer.Option("--sql", help="print the statements instead")] = False,
    catalogue: Annotated[
        bool, typer.Option("--list", help="print the catalogue of features instead")
    ] = False,
    lang: Annotated[str, typer.Option(help="language of --list: en or ko", metavar="LANG")] = "en",
) -> None:
    """Write features, the SQL that makes them, or their catalogue."""
    from cxml import jobs

    if catalogue:
        return talk.catalogue(jobs.features_list(config), lang)
    if config is None:
        raise ConfigError(
            "no configuration is named",
            where="cxml features",
            expected="a cxml.toml, or the folder it lies in",
            fix="write: cxml features CONFIG",
        )
    if not sql:
        talk.result(
            {"features": jobs.features(config, cutoff=cutoff, before=before, out=out, tell=talk.tell)}
        )
    elif talk.json:
        talk.result({"sql": jobs.features_sql(config)})
    else:
        sys.stdout.write(jobs.features_sql(config) + "\n")


@app.command(epilog="Example: cxml audit company --allow customer_segment")
def audit(
    config: Config,
    out: Out = None,
    customers: Annotated[
        int | None, typer.Option(help="customers to look at; of more, so many are drawn", min=1)
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="what is known at the cutoff although it looks otherwise", metavar="NAME"),
    ] = None,
) -> None:
    """Look for what knows the future.

    Scrambles the future and compares features; looks for values that were filled in, summed up or written later.
    """
    from cxml import jobs

    with talk.bar("probing") as progress:
        made = jobs.audit(
            config, out=out, customers=customers, allow=tuple(allow or ()), tell=talk.tell, progress=progress
        )
    if talk.json:
        leaks = [one.__dict__ for one in made.found.leaks]
        talk.result({"passed": made.found.passed, "leaks": leaks, "audit": made.folder / "audit.json"})
        raise typer.Exit(0 if made.found.passed else DataError.exit_code)
    if not talk.quiet:
        talk.audit(made.found)
    talk.result({"page": made.folder / "audit.md", "figures": made.folder / "audit.json"})
    made.found.raise_if_failed()


@app.command(epilog="Example: cxml label company --lang en")
def label(config: Config, out: Out = None, lang: Languages = None) -> None:
    """Compare what leaving could mean.

    Churn by definition, horizon and cutoff; who comes back after a silence; the last usable cutoff.
    """
    from cxml import jobs

    made = jobs.label(config, out=out, langs=tuple(lang or ()), tell=talk.tell)
    pages = {page.name: page for page in sorted(made.glob("label.*.html"))}
    files = {**pages, "definitions": made / "definitions.csv", "rates": made / "rates.csv"}
    talk.advice(json.loads((made / "label.json").read_text(encoding="utf-8")), files)


@app.command(epilog="Example: cxml backtest company --cutoffs 4 --lang en")
def backtest(
    config: Config,
    out: Out = None,
    lang: Languages = None,
    cutoffs: Annotated[
        int | None,
        typer.Option(help="test cutoffs; default the last 4 that have something to train on", min=1),
    ] = None,
) -> None:
    """See how the model would have done.

    Trains at one cutoff after the other with what was known then; figures with intervals, beside baselines.
    """
    from cxml import jobs

    made = jobs.backtest(config, out=out, langs=tuple(lang or ()), cutoffs=cutoffs, tell=talk.tell)
    pages = {page.name: page for page in sorted(made.glob("backtest.*.html"))}
    talk.result({**pages, "figures": made / "backtest.csv", "curves": made / "curves.csv"})


@app.command(epilog="Example: cxml train company --out runs/train")
def train(config: Config, out: Out = None) -> None:
    """Train, test, explain, log and register."""
    from cxml import jobs

    made = jobs.train(config, out=out, tell=talk.tell)
    if not (talk.quiet or talk.json):
        talk.out.print(escape((made / "info.md").read_text(encoding="utf-8")))
    talk.result(
        {"bundle": made / "bundle", "metrics": made / "metrics.json", "factors": made / "factors.parquet"}
    )


@app.command(epilog="Example: cxml score company --cutoff 2026-01-01 --model company@champion --csv")
def score(
    config: Config,
    cutoff: Cutoff = None,
    out: Out = None,
    model: Annotated[
        str | None,
        typer.Option(help="bundle folder, name@alias or name/version; default the champion", metavar="REF"),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="write scores.csv as well")] = False,
    chunk: Annotated[
        int | None, typer.Option(help="customers at a time; less needs less memory", min=1)
    ] = None,
) -> None:
    """Score everybody at risk, with reasons.

    Probability, value, drivers, reasons and expected profit: whole or nothing.
    """
    from cxml import jobs

    with talk.bar("scoring") as progress:
        made = jobs.score(
            config,
            cutoff=cutoff,
            out=out,
            model=model,
            csv=csv,
            chunk=chunk,
            tell=talk.tell,
            progress=progress,
        )
    talk.result({"scores": made / "scores.parquet", "manifest": made / "manifest.json"})


@app.command(epilog="Example: cxml report company --lang ko --lang en")
def report(
    config: Config,
    out: Out = None,
    lang: Languages = None,
    scores: Annotated[
        Path | None, typer.Option(help="output folder of a scoring run; default runs/score", metavar="DIR")
    ] = None,
) -> None:
    """Write the driver report and the call list."""
    from cxml import jobs

    made = jobs.report(config, out=out, langs=tuple(lang or ()), scores=scores)
    talk.result(
        {path.name: path for name in ("report.*.html", "call_list*.xlsx") for path in sorted(made.glob(name))}
    )


@app.command(epilog="Example: cxml campaign company --scores runs/score-of-may")
def campaign(
    config: Config,
    scores: Annotated[
        Path,
        typer.Option(help="output folder of the scoring run that the list came from", metavar="DIR"),
    ],
    out: Out = None,
) -> None:
    """Judge an earlier call list.

    By who of its holdout left since, and who of those to be contacted.
    """
    from cxml import jobs

    made = jobs.campaign(config, scores, out=out, tell=talk.tell)
    if not (talk.quiet or talk.json):
        talk.campaign(made.found)
    talk.result({"figures": made.folder / "campaign.json"})


def main() -> None:
    """Run the command; a CxmlError is printed, not traced, and gives the exit code."""
    try:
        app()
    except CxmlError as error:
        LOG.error("%s", error)
        if talk.json:
            parts = {"error": error.what, "where": error.where, "expected": error.expected, "fix": error.fix}
            sys.stdout.write(json.dumps(parts) + "\n")
        else:
            talk.err.print(f"[bold red]cxml:[/bold red] {escape(str(error))}")
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            talk.err.print("stopped; earlier output stands")
        raise
