/**
 * A CPNS device as a library: the pure core, its ports and what stands around it in an agent, for rigs that play whole networks in one
 * process, the way to the server, for crowds of devices without radios and disks, the control API, for all that ask agents, and what
 * reads octets of strangers, for fuzzing.
 */
export { AgentRun } from './agent-run.js';
export { AgentState } from './agent-state.js';
export { defaultSettings, settingsSchema } from './config/settings.js';
export type { GroupAsked, GroupReport } from './control/api/groups.js';
export type { HopReport, PnCreated, PnCreateEvent, PnReport } from './control/api/networks.js';
export type { PairingEvent, PairingResult } from './control/api/pairing.js';
export type { PeersReport } from './control/api/peers.js';
export type { StatusReport } from './control/api/status.js';
export type { ControlEvent, ControlMethod, ControlParams, ControlResult } from './control/control-api.js';
export { ControlClient, type RequestOptions } from './control/control-client.js';
export { ControlConnection } from './control/control-connection.js';
export { controlPath } from './control/control-socket.js';
export { deviceControl } from './control/device-control/device-control.js';
export { HappeningFeed } from './control/device-control/happening-feed.js';
export { LogMemory } from './control/device-control/log-memory.js';
export { peersReport } from './control/device-control/peers-report.js';
export { pnReport } from './control/device-control/pn-report.js';
export { parseAgentFrame } from './control/frames.js';
export { readDeviceFacts } from './device/device-facts.js';
export type { Host } from './device/host.js';
export { type AddressedTechnology, DeviceRun } from './device-run.js';
export { requireEnrolment, rootOf } from './enrolment.js';
export { ConsentDesk, type ConsentPolicies } from './entity/consent-desk.js';
export { type ContentSource, nothingOffered, notOffered } from './entity/content-source.js';
export { Device } from './entity/device.js';
export type { DeviceContext, DeviceIdentity, DeviceSettings, Happening } from './entity/device-context.js';
export type { DeviceOptions } from './entity/device-options.js';
export { DeviceState, PnRole, pnIdText, sgIdText } from './entity/device-state.js';
export { HintKeys } from './entity/hint-keys.js';
export { InventoryCopies } from './entity/inventory-copy.js';
export { LocalEuKeys } from './entity/local-eu-keys.js';
export type { ReceivedMessage } from './entity/messenger.js';
export type { PairingReport, PairingRequest } from './entity/pairing/pairing-request.js';
export type { Announcement, PanEvents, PanTechnology, Sighting } from './entity/pan-technology.js';
export type { DeviceFacts } from './entity/role-keeper.js';
export { ServerChannel } from './entity/server-channel.js';
export type { Reachability, Uplink, UplinkEvents } from './entity/uplink-port.js';
export { ClearUplink, type ConnectingDevice, setUpConnection } from './gateway/connect.js';
export { Gateway, type GatewayHandler } from './gateway/gateway.js';
export { GroupRoutes } from './gateway/group-routes.js';
export { boundListeners } from './listeners.js';
export { type BleOptions, BleTechnology } from './pan/ble/ble-technology.js';
export type { Radio, RadioDesire, RadioEvents, RadioNeighbour } from './pan/ble/radio-port.js';
export { RadioSupervisor, type RadioSupervisorOptions } from './pan/ble/radio-supervisor.js';
export { readAnnouncement, readIntroduction, writeIntroduction } from './pan/lan/announcement.js';
export { type LanOptions, LanTechnology } from './pan/lan/lan-technology.js';
export { MdnsDiscovery } from './pan/lan/mdns-discovery.js';
export { parsePeerAddress } from './pan/lan/peer-address.js';
export { readPairingLink, writePairingLink } from './pan/qr/pairing-link.js';
export { encodeFrame, encodeHeader, readLog } from './store/log-format.js';
export { DownlinkGuard } from './uplink/downlink-guard.js';
export { MqttUplink } from './uplink/mqtt-uplink.js';
export { connectTlsPsk } from './uplink/tls-psk.js';
