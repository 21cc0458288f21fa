"""`$context` and `$stageVariables` in the texts of gateway responses and mock integrations. No directives.

Velocity's `#set`, `#if`, `$input` and `$util` are not spoken; `has_directives` tells, so that such a template is
refused instead of being sent to a client as it stands.
"""

import re
from collections.abc import Mapping

Context = Mapping[str, str]
"""Values by their dotted name below `$context`; stage variables stand under `stageVariables.`."""

_REFERENCE = re.compile(
    r"\$!?(?P<brace>\{)?(?P<root>context|stageVariables)(?P<path>(?:\.[A-Za-z_][\w-]*|\[['\"][^'\"\]]{1,128}['\"]\])+)(?(brace)\})"
)
_BRACKET = re.compile(r"\[['\"]([^'\"]+)['\"]\]")
_DIRECTIVE = re.compile(r"#(?:set|if|else|elseif|end|foreach|\{)|\$!?\{?(?:input|util)\b")


def fill(template: str, context: Context) -> str:
    """The template with its references replaced; what is not known becomes nothing."""
    return _REFERENCE.sub(lambda found: context.get(_name(found), ""), template)


def has_directives(template: str) -> bool:
    """Whether the template needs more of Velocity than references."""
    return bool(_DIRECTIVE.search(template))


def _name(found: re.Match[str]) -> str:
    path = _BRACKET.sub(r".\1", found["path"])  # AG-14: claims['custom:role']
    return path[1:] if found["root"] == "context" else f"stageVariables{path}"
