"""The page at /docs works where there is no other network."""

import re

from running import RunningService

ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "javascript", "start.js": "javascript"}


def test_the_page_fetches_nothing_from_elsewhere(service: RunningService) -> None:
    page = service.client.get("/docs").raise_for_status()
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert "//" not in page.text
    links = set(re.findall(r'(?:src|href)="([^"]+)"', page.text))
    assert links == {f"docs/assets/{name}" for name in (*ASSETS, "favicon-32x32.png")}


def test_every_asset_is_served_by_the_service_itself(service: RunningService) -> None:
    for name, kind in ASSETS.items():
        asset = service.client.get(f"/docs/assets/{name}").raise_for_status()
        assert kind in asset.headers["content-type"]
        assert asset.content


def test_the_licence_of_what_is_not_ours_is_beside_it(service: RunningService) -> None:
    assert "Apache License" in service.client.get("/docs/assets/LICENSE").raise_for_status().text
    assert "swagger-ui-dist" in service.client.get("/docs/assets/ORIGIN.md").raise_for_status().text
