/** What `describe-host-main.js` says on a host. */
export interface HostAnswer {
  readonly hostName: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  /** Versions of packages; undefined where they are not installed. */
  readonly cpns: string | undefined;
  readonly noble: string | undefined;
  readonly bleno: string | undefined;
  /** Network interfaces with an address that others can reach. */
  readonly interfaces: readonly string[];
  /** Bluetooth adapters that the kernel knows; the address is empty where it does not say. */
  readonly adapters: readonly { readonly device: string; readonly address: string }[];
  /** What `hciconfig -a` prints. */
  readonly hciconfig: string;
}

/** A Bluetooth adapter. What its host does not tell is undefined. */
export interface AdapterFacts {
  /** Such as `hci0`. */
  readonly device: string;
  readonly address: string | undefined;
  readonly hciVersion: string | undefined;
  readonly manufacturer: string | undefined;
}

/** The adapters of a host, from what the kernel and `hciconfig` say of them. */
export function adaptersOf({ adapters, hciconfig }: Pick<HostAnswer, 'adapters' | 'hciconfig'>): AdapterFacts[] {
  return adapters.map(({ device, address }) => {
    const part = hciconfig.split(/^(?=\S)/m).find((lines) => lines.startsWith(`${device}:`)) ?? '';
    const told = (form: RegExp) => form.exec(part)?.[1]?.trim();
    return {
      device,
      address: told(/BD Address:\s*([0-9A-F:]{17})/i)?.toLowerCase() ?? (address === '' ? undefined : address.toLowerCase()),
      hciVersion: told(/HCI Version:\s*(\S+)/),
      manufacturer: told(/Manufacturer:\s*(.+)/),
    };
  });
}

/** What a report says of a device. */
export interface DeviceMarks {
  /** As the configuration calls it. */
  readonly name: string;
  readonly hostName: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  readonly cpns: string;
  readonly noble: string;
  readonly bleno: string;
  /** Only where Bluetooth was used. */
  readonly adapter?: AdapterFacts;
}

/** `adapter`: the one that was used. */
export function marksOf(name: string, answer: HostAnswer, adapter?: AdapterFacts): DeviceMarks {
  const { hostName, kernel, architecture, node } = answer;
  const version = (installed: string | undefined) => installed ?? 'not installed';
  return {
    name,
    hostName,
    kernel,
    architecture,
    node,
    cpns: version(answer.cpns),
    noble: version(answer.noble),
    bleno: version(answer.bleno),
    ...(adapter !== undefined && { adapter }),
  };
}

/** On one line. */
export function marksText(marks: DeviceMarks): string {
  const { name, hostName, kernel, architecture, node, cpns, noble, bleno, adapter } = marks;
  const unknown = (text: string | undefined, what: string) => text ?? `${what} unknown`;
  const bluetooth =
    adapter === undefined
      ? []
      : [
          `${adapter.device} ${unknown(adapter.address, 'address')}, HCI ${unknown(adapter.hciVersion, 'version')}, ` +
            unknown(adapter.manufacturer, 'manufacturer'),
        ];
  const versions = `cpns ${cpns}, noble ${noble}, bleno ${bleno}`;
  return [`${name}: ${hostName}`, `Linux ${kernel} ${architecture}`, `Node.js ${node}`, versions, ...bluetooth].join('; ');
}
