import { entityId } from '@cpns/shared';
import { nativeProvider, systemEntropy } from '@cpns/shared/node';
import { GroupKey, GroupMessages } from '@cpns/shared/security';
import { type Carry, requireSame } from '../record-pair.js';

/** From one member of a service group to another, each with the same Group Key. @throws CpnsError Internal/NotTheSame when something else arrives */
export function throughGroup(): Carry {
  const [sgId, octets] = [systemEntropy.bytes(16), systemEntropy.bytes(32)];
  const member = (name: string) => {
    const current = { epoch: 1n, key: new GroupKey('Group Key', octets) };
    return new GroupMessages(sgId, { provider: nativeProvider, entropy: systemEntropy, self: entityId(name), bootCounter: 1, current });
  };
  const [from, to] = [member('sender'), member('receiver')];
  return (content) => requireSame(to.open(from.seal(content, 0), 0).content.length === content.length);
}
