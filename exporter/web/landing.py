"""The page at /: what this is and where to go from here."""

import html

from aiohttp import web

from exporter.web.service import SERVICE

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tocsin exporter</title>
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem }}</style>
<h1>Tocsin exporter</h1>
<p>Measures this host and scores what it measures. Version {version}.</p>
<ul>
<li><a href="/metrics">/metrics</a> for Prometheus
<li><a href="/api/v1/signals">/api/v1/signals</a>: what signals do, and why, as JSON
<li><a href="/health">/health</a>, <a href="/health/live">/health/live</a>,
<a href="/health/ready">/health/ready</a>: how the exporter itself is, as JSON
<li><a href="/-/healthy">/-/healthy</a>, <a href="/-/ready">/-/ready</a> for probes
</ul>
"""


async def landing(request: web.Request) -> web.Response:
    """Answer with the landing page."""
    page = _PAGE.format(version=html.escape(request.app[SERVICE].version))
    return web.Response(text=page, content_type="text/html")
