"""The CDK app for those who work in this folder: `npx aws-cdk@2 synth`. From anywhere else: `todo backend synth`."""

from todo_backend.infra.app import main

raise SystemExit(main())
