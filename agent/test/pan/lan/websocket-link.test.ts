import { describeLink } from '../../../../shared/test/compliance/link-compliance.js';
import { HAS_IPV6, LanDevice, privatePort, TcpProxy } from './lan-lab.js';

for (const host of HAS_IPV6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
  describeLink(`a WebSocket over ${host}`, async () => {
    const mdnsPort = privatePort();
    const [near, far] = await Promise.all([new LanDevice({ mdnsPort }).start(), new LanDevice({ mdnsPort }).start()]);
    const proxy = await TcpProxy.to(host, far.port);
    return {
      async connect() {
        const accepted = far.nextLink();
        const initiator = await near.lan.dial([proxy.address], new AbortController().signal);
        return { initiator, responder: await accepted };
      },
      sever: async () => proxy.cut(),
      async dispose() {
        await Promise.all([near.lan.stop(), far.lan.stop()]);
        proxy.close();
      },
    };
  });
}
