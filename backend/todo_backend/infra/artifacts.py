"""Write the template that travels in the wheel: DAX and the response cache on, stage "prod".

python -m todo_backend.infra.artifacts
"""

import json
import sys
from pathlib import Path
from typing import Any

from todo_backend.infra.app import synthesize

TEMPLATE_FILE = Path(__file__).parent.parent / "artifacts" / "template.json"


def rendered(template: dict[str, Any]) -> str:
    """The template's text as it is committed: sorted and indented, so that a change is a readable diff."""
    return json.dumps(template, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Synthesize and write."""
    TEMPLATE_FILE.write_text(rendered(synthesize()), encoding="utf-8")
    sys.stdout.write(f"{TEMPLATE_FILE}: {TEMPLATE_FILE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
