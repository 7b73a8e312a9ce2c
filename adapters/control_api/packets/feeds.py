"""/simulation-runs/{run_id}/packet-feeds: what devices of a run tell the platform, and how far that has come."""

from __future__ import annotations

import msgspec
from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.backend import FamilyRoutes
from depot_sim.adapters.control_api.packets.history import HISTORY_ROUTES
from depot_sim.adapters.control_api.packets.targets import PACKET_FEEDS
from depot_sim.adapters.control_api.paths import RUN_PATH
from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.adapters.control_api.routes.scenario_control import override_mode_route, target_routes
from depot_sim.application.packets.requests import OpenPacketFeed, ResendPacket
from depot_sim.application.packets.service import PacketService
from depot_sim.application.packets.views import DeviceView, FeedView


class FeedList(msgspec.Struct, frozen=True):
    """Every feed the run has or had, in the order they were first opened."""

    packet_feeds: list[FeedView]


class DeviceList(msgspec.Struct, frozen=True):
    """The devices of a feed, in the order they look at the world."""

    devices: list[DeviceView]


@post("/", name="open_packet_feed", summary="Open a packet feed", dependencies={"asked": body_of(OpenPacketFeed)})
async def open_feed(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[OpenPacketFeed]]
) -> Response[FeedView]:
    """From the run's present on. Feeds of bindings with an endpoint open by themselves when a run begins."""
    opened = await request.backend.service(PacketService).open_feed(run_id, asked, request.origin)
    location = f"/simulation-runs/{run_id}/packet-feeds/{opened.binding_id}"
    return Response(opened, status_code=201, headers={"Location": location})


@get("/", name="list_packet_feeds", summary="List a run's packet feeds")
async def list_feeds(request: ApiRequest, run_id: FromPath[str]) -> FeedList:
    """Those that are open, those that are closed, and those that could not be opened, with the reason."""
    return FeedList(await request.backend.service(PacketService).feeds(run_id))


@get("/{binding_id:str}", name="get_packet_feed", summary="Read a packet feed")
async def get_feed(request: ApiRequest, run_id: FromPath[str], binding_id: FromPath[str]) -> FeedView:
    """Health, checkpoint, counts and the last error."""
    return await request.backend.service(PacketService).feed(run_id, binding_id)


@get("/{binding_id:str}/devices", name="list_packet_devices", summary="List the devices of a packet feed")
async def list_devices(request: ApiRequest, run_id: FromPath[str], binding_id: FromPath[str]) -> DeviceList:
    """What each sends, its next number, and what of it is still to be delivered."""
    return DeviceList(await request.backend.service(PacketService).devices(run_id, binding_id))


@delete("/{binding_id:str}", name="close_packet_feed", summary="Close a packet feed", status_code=200)
async def close_feed(request: ApiRequest, run_id: FromPath[str], binding_id: FromPath[str]) -> FeedView:
    """Every device says its last; what is undelivered still is delivered. The feed may be opened again."""
    return await request.backend.service(PacketService).close_feed(run_id, binding_id, request.origin)


@post(
    "/{binding_id:str}/resend",
    name="resend_packet",
    summary="Send a packet again",
    status_code=202,
    dependencies={"asked": body_of(ResendPacket)},
)
async def resend(
    request: ApiRequest,
    run_id: FromPath[str],
    binding_id: FromPath[str],
    asked: NamedDependency[SkipValidation[ResendPacket]],
) -> FeedView:
    """The same to the byte, behind what its device has still to send; such as one that the platform refused."""
    return await request.backend.service(PacketService).resend(run_id, binding_id, asked, request.origin)


def packet_routes() -> FamilyRoutes:
    """Everything about packet feeds."""
    feeds = f"{RUN_PATH}/packet-feeds"
    feed = f"{feeds}/{{binding_id:str}}"
    below_run = [
        Router(
            feeds, tags=["Packets"], route_handlers=[open_feed, list_feeds, get_feed, list_devices, close_feed, resend]
        ),
        Router(feed, tags=["Packets"], route_handlers=HISTORY_ROUTES),
        *target_routes(PACKET_FEEDS, feed, "Packets"),
    ]
    beside_runs = [Router("/", tags=["Packets"], route_handlers=[override_mode_route(PACKET_FEEDS)])]
    return FamilyRoutes(below_run, beside_runs)
