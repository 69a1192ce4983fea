"""Routes, a file a noun. A new noun: a file, and a line in ROUTERS."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import catalog, events, findings, health, notifications, rules, sources, suppressions, vendors

ROUTERS: tuple[APIRouter, ...] = (
    findings.router,
    suppressions.router,
    events.router,
    vendors.router,
    catalog.router,
    rules.router,
    notifications.router,
    sources.router,
    health.router,
)
