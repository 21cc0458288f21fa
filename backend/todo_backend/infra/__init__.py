"""The AWS CDK app: the boxes of the lecture, one module each, put together in `stack`.

Importing this package needs nothing but the standard library; aws-cdk-lib (extra `backend`) is needed by what describes
resources: `python -m todo_backend.infra` is the app that the CDK CLI runs, `commands` runs the CDK CLI.
"""
