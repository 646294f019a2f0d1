"""The platform on AWS: a CDK app. It is no part of the package, and runs in an environment of its own."""
