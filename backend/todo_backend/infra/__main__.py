"""`python -m todo_backend.infra`: the app that the CDK CLI runs."""

from todo_backend.infra.app import main

raise SystemExit(main())
