"""Options that take values of parameters, and help that shows the parameters of what is to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from workbench.execution.parameters.declarations import Parameter

Texts = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A value for a notebook's parameter."),
]
File = Annotated[
    str | None,
    typer.Option("--parameters-file", "-f", metavar="FILE", help="Values in YAML or JSON; - is the input."),
]
Json = Annotated[str | None, typer.Option("--parameters-json", metavar="OBJECT", help="Values in JSON.")]


def complete_pipelines(incomplete: str) -> list[str]:
    """Return the project's pipelines that begin so, for a shell."""
    from workbench.execution.pipeline.pipeline import find_pipelines

    return [name for name in find_pipelines() if name.startswith(incomplete)]


PipelineName = Annotated[
    str,
    typer.Argument(
        help="A pipeline, or a folder with a pipeline.yaml.",
        show_default=False,
        autocompletion=complete_pipelines,
    ),
]


def complete_runs(incomplete: str) -> list[str]:
    """Return the newest runs that begin so, for a shell."""
    from workbench.settings import get_settings

    names = sorted((path.name for path in get_settings().runs.glob("*")), reverse=True)
    return [name for name in ["latest", *names] if name.startswith(incomplete)][:20]


class NotebookCommand(TyperCommand):
    """A command whose help also shows the parameters of the notebook that is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments, for help is printed before they are parsed."""
        ctx.meta["arguments"] = list(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then the parameters.

        Raises:
            UsageError: the notebook or pipeline isn't there, or can't be read.
        """
        name = _argument(self, ctx)
        listing = self.parameters_of(name) if name else ""
        super().format_help(ctx, formatter)
        if listing:
            print(listing)

    def parameters_of(self, name: str) -> str:
        """Return the listing of a notebook's parameters."""
        from workbench.execution.notebook.reading import read_notebook
        from workbench.execution.parameters.declarations import read_parameters

        path = Path(name).expanduser()
        declared = read_parameters(read_notebook(path), f"notebook {path.name}")
        return _section(f"Parameters of {path.name}", declared, {})


class PipelineCommand(NotebookCommand):
    """A command whose help also shows the parameters of the pipeline that is named."""

    def parameters_of(self, name: str) -> str:
        """Return the listing of a pipeline's parameters, stage by stage, with the map's values."""
        from workbench.execution import load_pipeline
        from workbench.execution.notebook.reading import read_notebook
        from workbench.execution.parameters.declarations import read_parameters

        pipeline = load_pipeline(name)
        sections = []
        for stage in pipeline.order:
            declared = read_parameters(read_notebook(pipeline.notebook(stage)), f"stage {stage}")
            title = f"Parameters of {pipeline.name}, stage {stage}"
            sections.append(_section(title, declared, pipeline.stages[stage].parameters))
        return "\n".join(sections)


def _argument(command: TyperCommand, ctx: Any) -> str | None:
    """Return the first argument that is no option, or None."""
    arguments = [text for text in ctx.meta.get("arguments", ()) if text not in ctx.help_option_names]
    first = next(each.name for each in command.params if each.param_type_name == "argument")
    lenient = command.make_context(None, arguments, resilient_parsing=True)
    value = lenient.params.get(first)
    return str(value) if value else None


def _section(title: str, declared: Mapping[str, Parameter], mapped: Mapping[str, Any]) -> str:
    if not declared:
        return f" {title}: none\n"
    rows = [(each.name, each.annotation, _default(each, mapped), each.help) for each in declared.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "   " + "  ".join((*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]))
        for row in rows
    ]
    return "\n".join([f" {title}:", *(line.rstrip() for line in lines), ""])


def _default(parameter: Parameter, mapped: Mapping[str, Any]) -> str:
    from workbench.execution.parameters.literals import as_typed

    if parameter.name in mapped:
        text = str(mapped[parameter.name])
    elif parameter.required:
        return "required"
    elif parameter.computed:
        return "computed"
    else:
        text = "none" if parameter.default is None else str(as_typed(parameter.default))
    return f"[{text if len(text) <= 40 else text[:39] + '…'}]"


def collect(texts: list[str] | None, file: str | None, json: str | None) -> dict[str, Any]:
    """Return the values that a call gives, with those of the environment.

    Raises:
        UsageError: something can't be read, or a name is given twice in one place.
    """
    from workbench.execution.parameters import inputs

    return inputs.collect(texts or (), file, json)
