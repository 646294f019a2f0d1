"""Stages as tasks on ECS Fargate."""
